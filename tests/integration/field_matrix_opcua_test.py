#!/usr/bin/python3
"""The matrix of faults (field_matrix_test.py) over OPC UA: the gateway and a server of node-opcua. With POTLINE_LONG: its processes take seconds to begin."""
import os
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
import field_matrix_test  # noqa: E402  pylint: disable=wrong-import-position
import field_ways  # noqa: E402  pylint: disable=wrong-import-position
import mqtt_broker  # noqa: E402  pylint: disable=wrong-import-position

if not os.environ.get("POTLINE_LONG"):
    mqtt_broker.skip("processes of node-opcua take half a minute to begin on a busy machine: POTLINE_LONG=1 runs it")

field_matrix_test.main(field_ways.Opcua)
