"""The accelerator as a program."""

from fastapi import APIRouter, FastAPI

from babblefish.accelerator.accelerator import Accelerator
from babblefish.accelerator.server import Server
from babblefish.cloner.base import Cloner
from babblefish.settings import Settings
from babblefish.stage import engines
from babblefish.stage.service import create_app


def build(settings: Settings) -> tuple[Accelerator, FastAPI, str]:
    """The accelerator, its addresses, and a warning; raises `SettingsError`, `EngineMissing`."""
    server = Server.of(settings)
    cloner: Cloner = engines.build("cloner", settings.cloner, settings)
    accelerator = Accelerator(cloner, server, settings)
    return accelerator, create_app(accelerator, APIRouter()), server.warning
