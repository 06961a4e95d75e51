import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface Dismissable {
  readonly isOpen: boolean;
  readonly toggle: () => void;
  /** Goes on the element that holds both the button and what it opens. */
  readonly box: RefObject<HTMLDivElement | null>;
}

/** Something that a button opens; a press outside of it and Escape close it. */
export function useDismissable(): Dismissable {
  const isOpen = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!isOpen.value) return;
    const onPress = (event: PointerEvent) => {
      if (!(event.target instanceof Node && box.current?.contains(event.target))) isOpen.value = false;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      isOpen.value = false;
      box.current?.querySelector('button')?.focus();
    };
    addEventListener('pointerdown', onPress);
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('pointerdown', onPress);
      removeEventListener('keydown', onKey);
    };
  }, [isOpen.value]);
  const toggle = () => {
    isOpen.value = !isOpen.value;
  };
  return { isOpen: isOpen.value, toggle, box };
}
