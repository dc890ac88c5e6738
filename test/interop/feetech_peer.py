"""Talks to a bus of servos with Feetech's own SDK and prints what it got as JSON. Arguments: port, baud rate."""

import json
import sys
import time

from scservo_sdk import COMM_SUCCESS, GroupSyncRead, PortHandler, scscl, sms_sts

port = PortHandler(sys.argv[1])
assert port.openPort() and port.setBaudRate(int(sys.argv[2]))
sts, scs = sms_sts(port), scscl(port)
# Model number, result of the communication, status of the servo.
seen = {"ping": [sts.ping(1), sts.ping(2), sts.ping(3), scs.ping(4)]}

read = GroupSyncRead(sts, 56, 15)
for servo in (1, 2):
    read.addParam(servo)
assert read.txRxPacket() == COMM_SUCCESS
seen["sync read"] = [read.getData(servo, 56, 2) for servo in (1, 2)]

# A goal with speed and acceleration, written to both at once; and a registered one.
for servo in (1, 2):
    sts.SyncWritePosEx(servo, 2000 + servo, 1000, 50)
assert sts.groupSyncWrite.txPacket() == COMM_SUCCESS
seen["goals"] = [sts.read2ByteTxRx(servo, 42)[0] for servo in (1, 2)]
sts.RegWritePosEx(1, 1500, 500, 20)
before = sts.read2ByteTxRx(1, 42)[0]
sts.RegAction()
seen["registered"] = [before, sts.read2ByteTxRx(1, 42)[0], sts.read1ByteTxRx(1, 41)[0]]

# Signs: an offset of -300 steps, and the position that follows; kept because the table is unlocked.
sts.unLockEprom(1)
sts.write2ByteTxRx(1, 31, sts.scs_toscs(-300, 11))
sts.LockEprom(1)
seen["offset"] = [sts.scs_tohost(sts.read2ByteTxRx(1, 31)[0], 11), sts.ReadPos(1)[0]]

# Backwards at constant speed: speed and load have their sign in different bits.
sts.WheelMode(2)
sts.write1ByteTxRx(2, 40, 1)
sts.WriteSpec(2, -800, 0)
time.sleep(1)
speed = sts.ReadSpeed(2)[0]
seen["wheel"] = abs(speed + 800) < 80 and sts.scs_tohost(sts.read2ByteTxRx(2, 60)[0], 10) < 0

# The other byte order.
scs.WritePos(4, 600, 0, 200)
seen["big-endian"] = [scs.ReadPos(4)[0], scs.read2ByteTxRx(4, 42)[0]]
print(json.dumps(seen))
