"""What Prometheus is told: `babblefish_<part>_<what>_<unit>`. No label holds what people say."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)

PHONES = Gauge("babblefish_gateway_phones", "Open sockets.")
SEATS = Gauge("babblefish_gateway_participants", "Participants, those on their way back included.")
SESSIONS = Gauge("babblefish_gateway_sessions", "Sessions with a participant here.")

TASKS = Gauge("babblefish_gateway_tasks", "Tasks of the event loop.")

FRAMES = Counter("babblefish_gateway_frames_total", "Frames and messages from phones.")
UTTERANCES = Counter(
    "babblefish_gateway_utterances_total",
    "Utterances, by what became of them: told, noise, lost.",
    ["outcome"],
)
REFUSALS = Counter("babblefish_gateway_refusals_total", "Inputs that were refused.", ["code"])
RESUMED = Counter("babblefish_gateway_resumed_total", "Phones that dropped and came back.")
SHED = Counter(
    "babblefish_gateway_shed_speech_total", "Speech that a slow listener did not get in time."
)

REPLICAS = Gauge("babblefish_gateway_replicas", "Replicas that take work.", ["stage"])
RETRIES = Counter(
    "babblefish_gateway_retries_total",
    "Work that a replica failed: another gets it, once.",
    ["stage"],
)

LATENCY = Histogram(
    "babblefish_gateway_latency_seconds",
    "From the arrival of the last frame with speech to the result.",
    buckets=_SECONDS,
)
STAGES = Histogram(
    "babblefish_gateway_stage_seconds", "What each stage took.", ["stage"], buckets=_SECONDS
)
LAG = Histogram(
    "babblefish_gateway_voice_lag_seconds",
    "From the arrival of a frame to the decision whether it is voice.",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5),
)

IDENTIFICATIONS = Counter(
    "babblefish_gateway_identifications_total",
    "Voices, by what came of it: known, enrolled, unsure, failed.",
    ["outcome"],
)
for _outcome in ("known", "enrolled", "unsure", "failed"):
    IDENTIFICATIONS.labels(_outcome)
IDENTIFICATION = Histogram(
    "babblefish_gateway_identification_seconds",
    "From a pause to the print of the voice before it.",
    buckets=_SECONDS,
)
LATE_IDENTITIES = Counter(
    "babblefish_gateway_late_identities_total",
    "Utterances that listeners got before it was known who spoke, or under another's name.",
)

LAPTOPS = Gauge("babblefish_gateway_laptops", "Laptops that clone voices, connected and warm.")
CLONES = Counter(
    "babblefish_gateway_clones_total",
    "Sentences of people who said yes, by what became of them: cloned, untaken (no laptop could be "
    "in time), late, failed, refused (no such speech), withdrawn (not theirs, or no yes any more).",
    ["outcome"],
)
for _outcome in ("cloned", "untaken", "late", "failed", "refused", "withdrawn"):
    CLONES.labels(_outcome)
CLONE_LATENCY = Histogram(
    "babblefish_gateway_clone_latency_seconds",
    "From the arrival of the last frame with speech to the sentence in the speaker's own voice.",
    buckets=_SECONDS,
)
CLONE_QUEUE = Gauge("babblefish_gateway_clone_queue", "Sentences that laptops have taken on.")
LAPTOP_ERRORS = Counter(
    "babblefish_gateway_laptop_errors_total",
    "What laptops did wrong, by kind; the audio of such an answer is never played.",
    ["reason"],
)
PURGES = Counter(
    "babblefish_gateway_purges_total",
    "Voices that had to go from a laptop: confirmed, or not in time (waiting).",
    ["outcome"],
)
for _outcome in ("confirmed", "waiting"):
    PURGES.labels(_outcome)

SAMPLES = Counter(
    "babblefish_gateway_voice_samples_total",
    "What people said whose voices may be cloned: kept, or why not (length, silence, level, "
    "clipping, noise, text, voices: more than one; busy, revoked).",
    ["outcome"],
)

STAGE_READY = Gauge("babblefish_stage_ready", "1 once the engine is warm.", ["stage"])
STAGE_CORES = Gauge("babblefish_stage_cores", "Cores that this process really has.", ["stage"])
STAGE_PINNED = Gauge("babblefish_stage_pinned", "1 if no other container has them.", ["stage"])
STAGE_DEPTH = Gauge("babblefish_stage_depth", "Requests that it has taken on.", ["stage"])
STAGE_REQUESTS = Counter(
    "babblefish_stage_requests_total",
    "Requests, by what became of them: ok, busy, late, failed, cancelled.",
    ["stage", "method", "outcome"],
)
STAGE_SECONDS = Histogram(
    "babblefish_stage_request_seconds",
    "From taking a request to its last word; a stream lasts as long as somebody talks.",
    ["stage", "method"],
    buckets=_SECONDS,
)

ACCELERATOR_CONNECTED = Gauge(
    "babblefish_accelerator_connected", "1 while a gateway may ask this laptop for speech."
)
ACCELERATOR_FAILURES = Counter(
    "babblefish_accelerator_failures_total",
    "Lines to the gateway that failed: unreachable, refuses, unfit.",
    ["kind"],
)
for _kind in ("gateway_unreachable", "gateway_refuses", "gateway_unfit"):
    ACCELERATOR_FAILURES.labels(_kind)
ACCELERATOR_VOICES = Gauge("babblefish_accelerator_voices", "Voices that this laptop holds.")
ACCELERATOR_MEMORY = Gauge(
    "babblefish_accelerator_memory_bytes",
    "Of what its engine computes on, the GPU's if there is one: total, used.",
    ["kind"],
)

TRANSLATOR_REFUSALS = Counter(
    "babblefish_translator_refusals_total",
    "What a model made of sound and was no sentence: voice, empty, score, repetition, length.",
    ["reason"],
)
TRANSLATOR_BATCH = Histogram(
    "babblefish_translator_batch_utterances",
    "Utterances that were translated at a time.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
