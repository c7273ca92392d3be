"""The gateway: nginx in front of all services, started last, since it has nothing to pass on before."""

import signal
from collections.abc import Mapping

from gateway.settings import GatewaySettings
from operations import probes
from operations.env_file import service_ports
from operations.paths import Paths
from operations.process_environment import of_machine
from operations.process_specs import ProcessSpec
from shared.runtime.hosts import own_address, own_url
from shared.runtime.settings import names


def process_spec(settings: Mapping[str, str], paths: Paths, *, rank: int) -> ProcessSpec:
    """The process that `gateway/start.sh` becomes, here as in a container."""
    state = paths.state / "gateway"
    address = url(settings)
    return ProcessSpec(
        name="gateway",
        command=("sh", str(paths.root / "gateway" / "start.sh")),
        address=address,
        ready=lambda: probes.answers_http(f"{address}/health/live"),
        rank=rank,
        bind=settings["GATEWAY_BIND"],
        environment=of_machine() | _environment(settings) | {"STATE_DIR": str(state)},
        ports={"GATEWAY_PORT": int(settings["GATEWAY_PORT"])},
        prepare=lambda: state.mkdir(exist_ok=True, mode=0o700),
        # nginx waits for what is being answered, and gives up after ten seconds
        stop_signal=signal.SIGQUIT,
        stop_seconds=15,
    )


def url(settings: Mapping[str, str]) -> str:
    """The address of the gateway, for this machine."""
    has_tls = bool(settings["GATEWAY_TLS_CERTIFICATE_FILE"])
    return own_url(settings["GATEWAY_BIND"], settings["GATEWAY_PORT"], has_tls=has_tls)


def reads(name: str) -> bool:
    """Whether `gateway/start.sh` reads this setting."""
    return name in ("ALLOWED_HOSTS", *names(GatewaySettings)) or name.endswith("_SERVICE_PORT")


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    host = own_address(settings["BIND"])
    hosts = {name.replace("_PORT", "_HOST"): host for name in service_ports(settings)}
    read = {name: value for name, value in settings.items() if reads(name)}
    return read | hosts
