import type { handleUnaryCall } from '@grpc/grpc-js';
import type { Fleet } from '../../gateway/fleet.ts';
import type { ListBoxesRequestMessage, ListBoxesResponseMessage } from '../api/fleet-messages.ts';
import { toGrpcStatus } from '../api/grpc-status.ts';

/** The methods of caisson.v1.Fleet at a central. Who may call them, the guard before them decides. */
export function fleetMethods(look: () => Promise<Fleet>): {
  readonly ListBoxes: handleUnaryCall<ListBoxesRequestMessage, ListBoxesResponseMessage>;
} {
  return {
    ListBoxes(_call, reply) {
      look().then(
        ({ boxes, ...fleet }) => {
          reply(null, { ...fleet, boxes: boxes.map((box) => ({ ...box, withheld: box.withheld ?? {} })) });
        },
        (error: unknown) => reply(toGrpcStatus(error)),
      );
    },
  };
}
