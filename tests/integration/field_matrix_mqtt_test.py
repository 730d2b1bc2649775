#!/usr/bin/python3
"""The matrix of faults (field_matrix_test.py) over MQTT: a device on paho behind a Mosquitto, both with faults of their own."""
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
import field_matrix_test  # noqa: E402  pylint: disable=wrong-import-position
import field_ways  # noqa: E402  pylint: disable=wrong-import-position

field_matrix_test.main(field_ways.Mqtt, field_ways.OldMqtt)
