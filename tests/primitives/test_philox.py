"""The random numbers: known answers, what the values are made of, accuracy of our own functions, statistics."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from scipy import stats

from dlcore import reference
from dlcore.backend import Backend, PhiloxCounter
from dlcore.reference.normal import cos_sin_turns, log

from .test_parity import DEVICES, backend_for

AT = PhiloxCounter(seed=42, offset=7, stream=1)


@pytest.fixture(params=DEVICES)
def backend(request: pytest.FixtureRequest) -> Backend:
    return backend_for(request.param)


# The three vectors of philox4x32 with 10 rounds in `tests/kat_vectors` of Random123 1.14.0
# (https://github.com/DEShawResearch/random123): the counter, the key, the result.
KNOWN_ANSWERS = [
    "00000000 00000000 00000000 00000000  00000000 00000000  6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    "ffffffff ffffffff ffffffff ffffffff  ffffffff ffffffff  408f276d 41c83b0e a20bc7c6 6d5451fd",
    "243f6a88 85a308d3 13198a2e 03707344  a4093822 299f31d0  d16cfe09 94fdcceb 5001e420 24126ea1",
]


@pytest.mark.parametrize("vector", KNOWN_ANSWERS)
def test_known_answers_of_random123(backend: Backend, vector: str) -> None:
    words = [int(word, 16) for word in vector.split()]
    c0, c1, c2, c3, k0, k1 = words[:6]
    counter = PhiloxCounter(seed=k0 | k1 << 32, offset=c0 | c1 << 32, stream=c2 | c3 << 32)
    assert backend.to_host(backend.philox(counter, 4)).tolist() == words[6:]


def philox_in_python(counter: PhiloxCounter, count: int) -> list[int]:
    """The words by unbounded integers, straight from the paper."""
    words: list[int] = []
    for block in range((count + 3) // 4):
        low = (counter.offset + block) % 2**64
        c = [low % 2**32, low >> 32, counter.stream % 2**32, counter.stream >> 32]
        k0, k1 = counter.seed % 2**32, counter.seed >> 32
        for _ in range(10):
            product0, product1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [product1 >> 32 ^ c[1] ^ k0, product1 % 2**32, product0 >> 32 ^ c[3] ^ k1, product0 % 2**32]
            k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
        words += c
    return words[:count]


def some_counters(rng: np.random.Generator) -> list[PhiloxCounter]:
    drawn = [[int(value) for value in rng.integers(0, 2**64, size=3, dtype=np.uint64)] for _ in range(5)]
    return [PhiloxCounter(*values) for values in drawn] + [
        PhiloxCounter(3, 2**64 - 1, 9),
        PhiloxCounter(3, 2**32 - 1, 9),
    ]


def test_words_against_plain_integers(backend: Backend, rng: np.random.Generator) -> None:
    for counter in some_counters(rng):
        assert backend.to_host(backend.philox(counter, 11)).tolist() == philox_in_python(counter, 11)


def test_integers_against_plain_integers(backend: Backend, rng: np.random.Generator) -> None:
    for counter in some_counters(rng):
        words = philox_in_python(counter, 18)
        draws = [low | high << 32 for low, high in zip(words[::2], words[1::2], strict=True)]
        for low, high in ((0, 10), (-7, -6), (-(2**63), 2**63), (-(2**63), 2**63 - 1), (-(2**40), 3**39)):
            expected = [low + (draw * (high - low) >> 64) for draw in draws]
            assert backend.to_host(backend.random_integers(counter, (9,), low, high)).tolist() == expected
        order = sorted(range(9), key=lambda i, draws=draws: draws[i])
        assert backend.to_host(backend.random_permutation(counter, 9)).tolist() == order


# --- frozen values: the same on every device and in every version --------------------------------

UNIFORM = {
    "float16": ["0x1.3180000000000p-2", "0x1.4a00000000000p-2", "0x1.a400000000000p-4", "0x1.5d80000000000p-1"],
    "float32": ["0x1.31e3100000000p-2", "0x1.4a070c0000000p-2", "0x1.a41a800000000p-4", "0x1.5da41c0000000p-1"],
    "float64": ["0x1.31e3112940e1ap-2", "0x1.a41a835da41d8p-4", "0x1.5b62533a79f6cp-1", "0x1.de1db7740abc8p-1"],
}
NORMAL = {
    "float16": ["-0x1.5d40000000000p-1", "0x1.6580000000000p+0", "-0x1.bf40000000000p-1", "-0x1.f280000000000p+0"],
    "float32": ["-0x1.5d38620000000p-1", "0x1.659a580000000p+0", "-0x1.bf31980000000p-1", "-0x1.f27cde0000000p+0"],
    "float64": ["0x1.3e2469ff4d09cp+0", "0x1.de2367d9157f9p-1", "0x1.9c88f6f05453bp-1", "-0x1.6c52b0de860aap-2"],
}
HASHES = {  # of 100001 values, little-endian: the first 32 digits of their SHA-256
    "words": "f99a58bae122e1fcd1c0f8c809dc4240",
    "uniform float16": "cb6c46f0f281793b6c14048189fb5026",
    "uniform float32": "167a2c2902b218b05d660af68b808431",
    "uniform float64": "e17ca3f5ea7acadab3def8f6a1c56cfe",
    "normal float16": "d6e3668ce2b6747ba51cbae46e0ee336",
    "normal float32": "ecc958265503ce637e3d04059283fbc0",
    "normal float64": "d69c446bd66bd29fbcf76ff4c4f99e2e",
    "integers": "04bab307a30cb3aac5d9e1f0fee19146",
    "permutation": "eb1c1e32fb950b0c48ca21691dc0799e",
}


@pytest.mark.parametrize("dtype", UNIFORM)
def test_frozen_floats(backend: Backend, dtype: str) -> None:
    uniform = backend.to_host(backend.random_uniform(AT, (4,), np.dtype(dtype)))
    normal = backend.to_host(backend.random_normal(AT, (2, 2), np.dtype(dtype)))
    assert [float(value).hex() for value in uniform] == UNIFORM[dtype]
    assert [float(value).hex() for value in normal.reshape(-1)] == NORMAL[dtype]


def test_frozen_integers(backend: Backend) -> None:
    assert backend.to_host(backend.random_integers(AT, (6,), -5, 6)).tolist() == [-2, 2, 5, 3, -1, -4]
    assert backend.to_host(backend.random_permutation(AT, 10)).tolist() == [5, 8, 0, 4, 7, 9, 1, 3, 6, 2]


@pytest.mark.parametrize("what", HASHES)
def test_frozen_hashes(backend: Backend, what: str) -> None:
    n = 100001
    kind, _, dtype = what.partition(" ")
    if kind == "words":
        values = backend.philox(AT, n)
    elif kind == "integers":
        values = backend.random_integers(AT, (n,), -12345, 10**12)
    elif kind == "permutation":
        values = backend.random_permutation(AT, n)
    else:
        values = getattr(backend, f"random_{kind}")(AT, (n,), np.dtype(dtype))
    host = backend.to_host(values)
    assert sha256(host.astype(host.dtype.newbyteorder("<")).tobytes()).hexdigest()[:32] == HASHES[what]


# --- continuity ---------------------------------------------------------------------------------


def test_a_later_offset_is_a_later_part_of_the_sequence(backend: Backend) -> None:
    whole = backend.to_host(backend.philox(AT, 40000))
    for block in (1, 5, 4096, 9999):
        part = backend.to_host(backend.philox(AT._replace(offset=AT.offset + block), 40000 - 4 * block))
        np.testing.assert_array_equal(part, whole[4 * block :])
    normals = backend.to_host(backend.random_normal(AT, (40000,), np.dtype(np.float32)))
    part = backend.to_host(backend.random_normal(AT._replace(offset=AT.offset + 100), (100,), np.dtype(np.float32)))
    np.testing.assert_array_equal(part, normals[400:500])


def test_a_shorter_draw_is_the_start_of_a_longer_one(backend: Backend) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        for draw in (backend.random_uniform, backend.random_normal):
            longer = backend.to_host(draw(AT, (20000,), np.dtype(dtype)))
            for count in (1, 2, 3, 17, 16387):
                np.testing.assert_array_equal(backend.to_host(draw(AT, (count,), np.dtype(dtype))), longer[:count])


def test_seeds_streams_and_offsets_differ(backend: Backend) -> None:
    counters = [AT, AT._replace(seed=43), AT._replace(seed=42 + 2**32), AT._replace(stream=2)]
    counters += [AT._replace(stream=1 + 2**32), AT._replace(offset=8 + 2**32)]
    draws = [tuple(backend.to_host(backend.philox(counter, 4))) for counter in counters]
    assert len(set(draws)) == len(draws)


# --- our own logarithm, sine and cosine ---------------------------------------------------------

PI = np.longdouble("3.14159265358979323846264338327950288")
WIDER: dict[type, Any] = {np.float32: np.float64, np.float64: np.longdouble}
BITS = {np.float32: 24, np.float64: 53}


def sample(dtype: type) -> np.ndarray:
    """Multiples k of 2**-bits, 0 < k <= 2**bits: the smallest, the largest, evenly and logarithmically spread ones."""
    rng, bits = np.random.default_rng(1), BITS[dtype]
    k = np.concatenate([
        np.arange(1, 30000),
        2**bits - np.arange(30000),
        rng.integers(1, 2**bits, size=100000),
        np.exp2(rng.uniform(0, bits, size=100000)).astype(np.int64),
        2 ** np.arange(bits + 1),
        (np.sqrt(0.5) * 2.0 ** np.arange(2, bits)).astype(np.int64)[:, None].repeat(3, 1).reshape(-1),
    ])  # fmt: skip
    return k.astype(dtype) * dtype(2.0**-bits)


def worst_ulps(actual: np.ndarray, exact: np.ndarray) -> float:
    """The largest error in units in the last place of the exact value's dtype-neighbour."""
    unit = np.spacing(np.abs(exact.astype(actual.dtype))).astype(exact.dtype)
    return float(np.max(np.abs(actual - exact) / unit))


@pytest.mark.parametrize("dtype", WIDER)
def test_log_is_within_one_ulp(dtype: type) -> None:
    u = sample(dtype)
    ours = log(np, u)
    assert ours.dtype == dtype
    assert worst_ulps(ours, np.log(u.astype(WIDER[dtype]))) < 1.0
    assert not ours[u == 1].any()


@pytest.mark.parametrize("dtype", WIDER)
def test_cos_and_sin_are_within_two_ulps(dtype: type) -> None:
    u = sample(dtype)
    u = u[u < 1]
    wider = WIDER[dtype]
    quadrant = np.floor(u.astype(wider) * 4 + 0.5)
    angle = (u.astype(wider) * 4 - quadrant) * wider(PI / 2)
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = quadrant.astype(int) % 4
    for ours, exact in zip(
        cos_sin_turns(np, u),
        (np.choose(turn, [cosine, -sine, -cosine, sine]), np.choose(turn, [sine, cosine, -sine, -cosine])),
        strict=True,
    ):
        assert ours.dtype == dtype
        assert worst_ulps(ours, exact) < 2.0
    for at, expected in ((0.0, (1, 0)), (0.25, (0, 1)), (0.5, (-1, 0)), (0.75, (0, -1))):
        assert tuple(float(x) for x in cos_sin_turns(np, np.asarray(at, dtype))) == expected


def test_constants_are_ln2() -> None:
    for coefficients in (reference.normal.FLOAT32, reference.normal.FLOAT64):
        total = np.longdouble(coefficients.ln2_high) + np.longdouble(coefficients.ln2_low)
        assert abs(total - np.log(np.longdouble(2))) < 2.0**-58 * (1 if coefficients.log[0] < 0.1 else 2**24)


# --- statistics: fixed seeds, so these never flicker ----------------------------------------------

DRAWS = 200_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_distribution(backend: Backend, dtype: str) -> None:
    values = backend.to_host(backend.random_uniform(AT, (DRAWS,), np.dtype(dtype)))
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values.astype(np.float64), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_distribution(backend: Backend, dtype: str) -> None:
    values = backend.to_host(backend.random_normal(AT, (DRAWS,), np.dtype(dtype))).astype(np.float64)
    assert stats.kstest(values, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(values[::2], values[1::2])[0, 1]) < 0.01
    assert abs(stats.kurtosis(values)) < 0.05


def test_float16_stays_below_one(backend: Backend) -> None:
    values = backend.to_host(backend.random_uniform(AT, (DRAWS,), np.dtype(np.float16)))
    assert values.max() == 1 - 2.0**-11


def test_integer_distribution(backend: Backend) -> None:
    values = backend.to_host(backend.random_integers(AT, (DRAWS,), -3, 4))
    assert stats.chisquare(np.bincount(values + 3, minlength=7)).pvalue > 1e-3


def test_permutations_are_all_alike(backend: Backend) -> None:
    counts: dict[tuple[int, ...], int] = {}
    for i in range(2400):
        order = tuple(backend.to_host(backend.random_permutation(AT._replace(offset=2 * i), 4)).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_share_and_the_mean(backend: Backend, p: float) -> None:
    ones = backend.from_host(np.ones(DRAWS, np.float32))
    y = backend.to_host(backend.dropout_forward(ones, p, AT)[0])
    kept = y != 0
    assert stats.binomtest(int(kept.sum()), DRAWS, 1 - p).pvalue > 1e-3
    np.testing.assert_allclose(y[kept], 1 / (1 - p), rtol=1e-6)
    words = backend.to_host(backend.philox(AT, DRAWS))
    np.testing.assert_array_equal(kept, words >> 8 >= round(p * 2**24))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_dropout_keeps_a_word_on_the_bound(backend: Backend, dtype: str) -> None:
    words = backend.to_host(backend.philox(AT, 2000))
    bits = words >> 8
    ones = backend.from_host(np.ones(2000, dtype))
    low_bits_zero = bits[words & 255 == 0]  # where comparing unshifted words would differ
    assert low_bits_zero.size
    for bound in (*bits[:4].tolist(), *low_bits_zero.tolist()):
        y = backend.to_host(backend.dropout_forward(ones, bound * 2.0**-24, AT)[0])
        np.testing.assert_array_equal(y != 0, bits >= bound)
