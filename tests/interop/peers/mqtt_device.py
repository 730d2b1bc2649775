#!/usr/bin/python3
"""A device on plain MQTT, on paho: follows commands under PATH/cmd, says what it has under PATH/is, and measures. Told by lines of
JSON on standard input, tells what it was told on standard output:
    {"publish": "line1/pot01/bath_temp", "value": 955}  {"flood": "line1/pot01/feed_set/is", "messages": 5000}
"""
import json
import sys
import time

import paho.mqtt.client as paho

config = json.loads(sys.argv[1])
client = paho.Client(config["name"], clean_session=False)
client.reconnect_delay_set(min_delay=1, max_delay=1)


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def on_connect(*_):
    client.subscribe(config["commands"], 1)


def on_message(_, __, message):
    path = message.topic[:-len("/cmd")]
    try:
        value = json.loads(message.payload)["value"]
    except (ValueError, KeyError, TypeError):
        say(nonsense=path)
        return
    say(write=path.replace("/", "."), value=value, at=time.time_ns() / 1e6)
    client.publish(path + "/is", json.dumps({"value": value}), qos=1)


client.on_connect, client.on_message = on_connect, on_message
client.on_subscribe = lambda *_: say(ready=True)
client.connect_async("127.0.0.1", config["port"], keepalive=5)
client.loop_start()
for line in sys.stdin:
    order = json.loads(line)
    if "publish" in order:
        client.publish(order["publish"], json.dumps({"value": order["value"]}), qos=0)
    for i in range(order.get("messages", 0)):
        client.publish(order["flood"], json.dumps({"value": i}), qos=0)
