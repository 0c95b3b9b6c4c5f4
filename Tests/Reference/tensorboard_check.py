#!/usr/bin/env python3
"""What TensorBoard's own reader finds in folders of events, as JSON: `tensorboard_check.py FOLDER...`. Needs tensorboard.

Of each folder the scalars as [step, value], the steps and counts of histograms, the steps and sizes of pictures, and the settings that
the plugin for hyperparameters reads. Values that are not finite are words.
"""
import json
import math
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.plugins.hparams import metadata

ALL = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}


def shown(value):
    return value if math.isfinite(value) else str(value)


def settings(folder):
    """By the reader that today's TensorBoard uses."""
    events = plugin_event_accumulator.EventAccumulator(folder, {"tensors": 0})
    events.Reload()
    found = {}
    for tag, content in events.PluginTagToContent(metadata.PLUGIN_NAME).items():
        if tag == metadata.SESSION_START_INFO_TAG:
            info = metadata.parse_session_start_info_plugin_data(content)
            found["name"] = info.group_name
            found["values"] = {k: getattr(v, v.WhichOneof("kind")) for k, v in info.hparams.items()}
        if tag == metadata.SESSION_END_INFO_TAG:
            found["status"] = metadata.parse_session_end_info_plugin_data(content).status
    return found


def read(folder):
    events = EventAccumulator(folder, ALL)
    events.Reload()
    tags = events.Tags()
    return {
        "scalars": {t: [[e.step, shown(e.value)] for e in events.Scalars(t)] for t in tags["scalars"]},
        "histograms": {t: [[e.step, e.histogram_value.num] for e in events.Histograms(t)] for t in tags["histograms"]},
        "images": {
            t: [[e.step, e.width, e.height, list(struct.unpack(">II", e.encoded_image_string[16:24]))] for e in events.Images(t)]
            for t in tags["images"]
        },
        "settings": settings(folder),
    }


print(json.dumps([read(folder) for folder in sys.argv[1:]]))
