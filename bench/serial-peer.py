"""The peer of bench/serial.ts: the same cycles with ROBOTIS' dynamixel-sdk. Its arguments: port, baud rate, number of
cycles, and ID:GOAL,... The servos have their state gathered at indirect data 224 by then (17 bytes each)."""

import json
import sys
import time

from dynamixel_sdk import COMM_SUCCESS, GroupSyncRead, GroupSyncWrite, PacketHandler, PortHandler

STATE, STATE_BYTES = 224, 17
GOAL, GOAL_BYTES = 116, 4

port_name, baud, cycles, servos = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
goals = {int(pair.split(":")[0]): int(pair.split(":")[1]) for pair in servos.split(",")}

port = PortHandler(port_name)
packet = PacketHandler(2.0)
assert port.openPort() and port.setBaudRate(baud)
read = GroupSyncRead(port, packet, STATE, STATE_BYTES)
write = GroupSyncWrite(port, packet, GOAL, GOAL_BYTES)
for servo in goals:
    assert read.addParam(servo)

lengths = []
missed = 0
written = []
start = before = time.monotonic()
while len(lengths) < cycles:
    write.clearParam()
    for servo, goal in goals.items():
        write.addParam(servo, list(goal.to_bytes(GOAL_BYTES, "little", signed=True)))
    assert write.txPacket() == COMM_SUCCESS
    # What fastSyncRead does, with the time in between.
    sent = read.fastSyncReadTxPacket() == COMM_SUCCESS
    at = time.monotonic()
    if not sent or read.fastSyncReadRxPacket() != COMM_SUCCESS:
        missed += 1
        assert missed <= cycles, "nothing is answered"
        continue
    written.append(at)
    # What a user does with it: every value of every servo.
    for servo in goals:
        for address, size in ((224, 1), (225, 1), (226, 1), (227, 2), (229, 4), (233, 4), (237, 4)):
            read.getData(servo, address, size)
    now = time.monotonic()
    lengths.append(now - before)
    before = now
print(json.dumps({"seconds": before - start, "lengths": lengths, "missed": missed, "written": written}))
