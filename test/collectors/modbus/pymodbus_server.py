"""A Modbus server of pymodbus: `pymodbus_server.py tcp` prints its port, `pymodbus_server.py rtu PATH` serves a serial device.

Unit 1 holds register n = 1000 + n of holding, 2000 + n of input, coil n set where n is odd, input n set where n % 3 is 0.
Unit 2 has ten holding registers, unit 3 does not exist.
"""
import asyncio
import sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer
from pymodbus.transaction import ModbusRtuFramer

COUNT = 4000


def block(value_of, count=COUNT):
    return ModbusSequentialDataBlock(0, [value_of(n) for n in range(count)])


full = ModbusSlaveContext(
    co=block(lambda n: n % 2 == 1),
    di=block(lambda n: n % 3 == 0),
    hr=block(lambda n: 1000 + n),
    ir=block(lambda n: 2000 + n),
    zero_mode=True,
)
small = ModbusSlaveContext(hr=block(lambda n: n, 10), zero_mode=True)
context = ModbusServerContext(slaves={1: full, 2: small}, single=False)

async def serve():
    if sys.argv[1] == "tcp":
        server = ModbusTcpServer(context, address=("127.0.0.1", 0), ignore_missing_slaves=True)
        running = asyncio.ensure_future(server.serve_forever())
        await server.serving
        print(server.server.sockets[0].getsockname()[1], flush=True)
        await running
    else:
        server = ModbusSerialServer(
            context, framer=ModbusRtuFramer, port=sys.argv[2], baudrate=115200, timeout=0.05, ignore_missing_slaves=True
        )
        await server.start()
        print("ready", flush=True)
        await asyncio.Event().wait()


asyncio.run(serve())
