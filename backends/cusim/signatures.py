"""The functions of CuPy that the simulator has, with CuPy's signatures, those that CuPy 13 and 14 share.

What NumPy has beyond them (`where=`, `initial=`, `kind=` ...) is refused as CuPy refuses it; what only CuPy 14 has is
not here. `tools/cupy_names.py` compares this table with an installed CuPy.
"""

FUNCTIONS = """
all(a, axis=None, out=None, keepdims=False)
allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False)
amax(a, axis=None, out=None, keepdims=False)
amin(a, axis=None, out=None, keepdims=False)
angle(z, deg=False)
any(a, axis=None, out=None, keepdims=False)
append(arr, values, axis=None)
arange(start, stop=None, step=1, dtype=None)
argmax(a, axis=None, dtype=None, out=None, keepdims=False)
argmin(a, axis=None, dtype=None, out=None, keepdims=False)
argpartition(a, kth, axis=-1)
argsort(a, axis=-1, kind=None)
argwhere(a)
around(a, decimals=0, out=None)
array_equal(a1, a2, equal_nan=False)
array_equiv(a1, a2)
array_split(ary, indices_or_sections, axis=0)
atleast_1d(*arys)
atleast_2d(*arys)
atleast_3d(*arys)
average(a, axis=None, weights=None, returned=False, *, keepdims=False)
bincount(x, weights=None, minlength=None)
broadcast_arrays(*args)
broadcast_shapes(*args)
broadcast_to(array, shape)
can_cast(from_, to, casting='safe')
choose(a, choices, out=None, mode='raise')
clip(a, a_min, a_max, out=None)
column_stack(tup)
compress(condition, a, axis=None, out=None)
concatenate(tup, axis=0, out=None, *, dtype=None, casting='same_kind')
convolve(a, v, mode='full')
copy(a, order='K')
copyto(dst, src, casting='same_kind', where=None)
correlate(a, v, mode='valid')
count_nonzero(a, axis=None)
cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None)
cumprod(a, axis=None, dtype=None, out=None)
cumsum(a, axis=None, dtype=None, out=None)
delete(arr, indices, axis=None)
diag(v, k=0)
diag_indices(n, ndim=2)
diagflat(v, k=0)
diagonal(a, offset=0, axis1=0, axis2=1)
diff(a, n=1, axis=-1, prepend=None, append=None)
digitize(x, bins, right=False)
dot(a, b, out=None)
dsplit(ary, indices_or_sections)
dstack(tup)
einsum(*operands, **kwargs)
empty(shape, dtype=float, order='C')
empty_like(prototype, dtype=None, order='K', subok=None, shape=None)
expand_dims(a, axis)
extract(condition, a)
eye(N, M=None, k=0, dtype=float, order='C')
flatnonzero(a)
flip(a, axis=None)
fliplr(a)
flipud(a)
full(shape, fill_value, dtype=None, order='C')
full_like(a, fill_value, dtype=None, order='K', subok=None, shape=None)
hsplit(ary, indices_or_sections)
hstack(tup, *, dtype=None, casting='same_kind')
identity(n, dtype=float)
imag(val)
indices(dimensions, dtype=int)
inner(a, b)
intersect1d(arr1, arr2, assume_unique=False, return_indices=False)
isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False)
iscomplex(x)
iscomplexobj(x)
isfortran(a)
isin(element, test_elements, assume_unique=False, invert=False)
isneginf(x, out=None)
isposinf(x, out=None)
isreal(x)
isrealobj(x)
isscalar(element)
issubdtype(arg1, arg2)
ix_(*args)
kron(a, b)
lexsort(keys)
linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0)
logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0)
max(a, axis=None, out=None, keepdims=False)
may_share_memory(a, b, max_work=None)
mean(a, axis=None, dtype=None, out=None, keepdims=False)
meshgrid(*xi, **kwargs)
min(a, axis=None, out=None, keepdims=False)
moveaxis(a, source, destination)
nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None)
nanargmax(a, axis=None, dtype=None, out=None, keepdims=False)
nanargmin(a, axis=None, dtype=None, out=None, keepdims=False)
nancumprod(a, axis=None, dtype=None, out=None)
nancumsum(a, axis=None, dtype=None, out=None)
nanmax(a, axis=None, out=None, keepdims=False)
nanmean(a, axis=None, dtype=None, out=None, keepdims=False)
nanmin(a, axis=None, out=None, keepdims=False)
nanprod(a, axis=None, dtype=None, out=None, keepdims=False)
nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False)
nansum(a, axis=None, dtype=None, out=None, keepdims=False)
nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False)
ndim(a)
nonzero(a)
ones(shape, dtype=float, order='C')
ones_like(a, dtype=None, order='K', subok=None, shape=None)
outer(a, b, out=None)
partition(a, kth, axis=-1)
prod(a, axis=None, dtype=None, out=None, keepdims=False)
promote_types(type1, type2, /)
ptp(a, axis=None, out=None, keepdims=False)
put(a, ind, v, mode='wrap')
putmask(a, mask, values)
ravel(a, order='C')
ravel_multi_index(multi_index, dims, mode='wrap', order='C')
real(val)
real_if_close(a, tol=100)
repeat(a, repeats, axis=None)
reshape(a, newshape, order='C')
result_type(*arrays_and_dtypes)
roll(a, shift, axis=None)
rollaxis(a, axis, start=0)
rot90(a, k=1, axes=(0, 1))
round(a, decimals=0, out=None)
searchsorted(a, v, side='left', sorter=None)
setdiff1d(ar1, ar2, assume_unique=False)
setxor1d(ar1, ar2, assume_unique=False)
shape(a)
shares_memory(a, b, max_work=None)
sort(a, axis=-1, kind=None)
split(ary, indices_or_sections, axis=0)
squeeze(a, axis=None)
stack(tup, axis=0, out=None, *, dtype=None, casting='same_kind')
std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False)
sum(a, axis=None, dtype=None, out=None, keepdims=False)
swapaxes(a, axis1, axis2)
take(a, indices, axis=None, out=None)
take_along_axis(a, indices, axis)
tensordot(a, b, axes=2)
tile(A, reps)
trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None)
transpose(a, axes=None)
tri(N, M=None, k=0, dtype=float)
tril(m, k=0)
tril_indices(n, k=0, m=None)
tril_indices_from(arr, k=0)
triu(m, k=0)
triu_indices(n, k=0, m=None)
triu_indices_from(arr, k=0)
union1d(arr1, arr2)
unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True)
unravel_index(indices, dims, order='C')
var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False)
vdot(a, b)
vsplit(ary, indices_or_sections)
vstack(tup, *, dtype=None, casting='same_kind')
where(condition, x=None, y=None)
zeros(shape, dtype=float, order='C')
zeros_like(a, dtype=None, order='K', subok=None, shape=None)
"""

#: Elementwise functions, each a `ufunc` in CuPy and in NumPy.
UFUNCS = """
absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_or bitwise_xor cbrt ceil
conjugate copysign cos cosh deg2rad degrees divide divmod equal exp exp2 expm1 fabs float_power floor floor_divide
fmax fmin fmod frexp gcd greater greater_equal heaviside hypot invert isfinite isinf isnan lcm ldexp left_shift less
less_equal log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor maximum minimum
modf multiply negative nextafter not_equal positive power rad2deg radians reciprocal remainder right_shift rint sign
signbit sin sinh sqrt square subtract tan tanh true_divide trunc
"""

#: Of `FUNCTIONS`, those that are a method of their first argument.
METHODS = """
sum prod mean var std max min ptp all any argmax argmin cumsum cumprod trace dot round clip nonzero searchsorted repeat
take put choose reshape ravel swapaxes squeeze diagonal argpartition
"""

#: Those that look at shapes and dtypes only: no launch.
METADATA = """
broadcast_shapes can_cast iscomplexobj isfortran isrealobj isscalar issubdtype may_share_memory ndim promote_types
result_type shape shares_memory
"""

#: Those that fetch a number from the device on their way, as the shape of the result depends on values.
SYNCHRONISING = """
argwhere average bincount compress delete extract flatnonzero intersect1d ix_ nanmax nanmin ravel_multi_index
real_if_close setdiff1d setxor1d union1d unique unravel_index
"""

#: Those whose first argument may be something else than an array: a sequence of arrays, a shape, a number.
ANY_FIRST = """
allclose atleast_1d atleast_2d atleast_3d broadcast_arrays column_stack concatenate diag_indices dstack einsum eye
hstack identity imag indices isclose ix_ lexsort linspace logspace meshgrid nan_to_num ravel_multi_index real stack tri
tril_indices triu_indices unravel_index vstack
"""
