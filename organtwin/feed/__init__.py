"""Readings that arrive while one looks: MQTT and FHIR over HTTP, off unless asked for, kept on disk before they are answered.

``Feed`` (:mod:`.service`) keeps what arrives; whoever has the project open calls ``take_in`` (:mod:`.intake`) now and then.
"""
