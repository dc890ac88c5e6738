"""Talks to a bus of servos with ROBOTIS' own SDK and prints what it got as JSON. Arguments: port, baud rate."""

import json
import sys

from dynamixel_sdk import COMM_SUCCESS, GroupBulkRead, GroupSyncRead, GroupSyncWrite, PacketHandler, PortHandler

port = PortHandler(sys.argv[1])
packet = PacketHandler(2.0)
assert port.openPort() and port.setBaudRate(int(sys.argv[2]))
seen = {"ping": [packet.ping(port, i) for i in (1, 2, 3)]}
seen["broadcast"] = {str(k): v for k, v in packet.broadcastPing(port)[0].items()}

write = GroupSyncWrite(port, packet, 84, 2)
for servo, gain in ((1, 701), (2, 702)):
    write.addParam(servo, list(gain.to_bytes(2, "little")))
assert write.txPacket() == COMM_SUCCESS
for way in ("txRxPacket", "fastSyncRead"):
    read = GroupSyncRead(port, packet, 84, 2)
    for servo in (1, 2):
        read.addParam(servo)
    assert getattr(read, way)() == COMM_SUCCESS, way
    seen[way] = [read.getData(servo, 84, 2) for servo in (1, 2)]
for way in ("txRxPacket", "fastBulkRead"):
    bulk = GroupBulkRead(port, packet)
    bulk.addParam(1, 132, 4)
    bulk.addParam(2, 146, 1)
    assert getattr(bulk, way)() == COMM_SUCCESS, way
    seen["bulk " + way] = [bulk.getData(1, 132, 4), bulk.getData(2, 146, 1)]

# A value that needs byte stuffing both ways, and what may not be written now.
seen["extended"] = packet.write1ByteTxRx(port, 1, 11, 4)
seen["stuffed"] = [packet.write4ByteTxRx(port, 1, 116, 0xFFFDFFFF), packet.read4ByteTxRx(port, 1, 116)[0]]
seen["torque"] = packet.write1ByteTxRx(port, 2, 64, 1)
seen["locked"] = packet.write1ByteTxRx(port, 2, 11, 4)
seen["reboot"] = packet.reboot(port, 2)
print(json.dumps(seen))
