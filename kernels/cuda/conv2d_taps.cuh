// Convolution as a matrix product without its matrix of columns: column j of the right-hand operand is what the taps
// of the kernel see of the image at output pixel j, and this loader gathers it from the image itself.
//
// The depth is (channel, tap), taps innermost. Where its elements lie, relative to the pixel's origin, is the same for
// all pixels, and repeats after DEPTH channels, which are as many steps as there are taps. So a block writes one such
// period into shared memory, and the loop over the depth does no division: per element it reads a table entry,
// tests whether the tap is inside of the image, and loads.
#pragma once
#include "gemm_load.cuh"

// --- taps and whether they are inside of the image -----------------------------------------------------------------

// The taps of a kernel as they lie in the image: rows x columns of them, so many rows and columns apart. At most 31
// rows and columns together, for a bit each.
struct TapGrid {
    int rows, columns, row_step, column_step;
};

// Where one element of the depth lies, from the pixel's origin on, and the bits of its row and its column of taps.
template <class I>
struct alignas(2 * sizeof(I)) TapAt {
    I offset;
    unsigned bits;
};
using Tap = TapAt<INDEX>;
constexpr unsigned NO_TAP = 1u << 31;  // a bit that no pixel has

static __device__ __forceinline__ bool is_inside(int place, int size) {
    return static_cast<unsigned>(place) < static_cast<unsigned>(size);
}

// The rows and columns of taps that are inside of the image for the pixel with its origin at (row, column). A tap is
// inside if both its bits are here: one instruction, whatever the size of the image.
static __device__ __forceinline__ unsigned inside_bits(TapGrid grid, int row, int column, int height, int width) {
    unsigned bits = 0;
#pragma unroll 1
    for (int r = 0; r < grid.rows; ++r) {
        if (is_inside(row + r * grid.row_step, height)) bits |= 1u << r;
    }
#pragma unroll 1
    for (int s = 0; s < grid.columns; ++s) {
        if (is_inside(column + s * grid.column_step, width)) bits |= 1u << (grid.rows + s);
    }
    return bits;
}

// The tap of one element of the depth, (channel, tap). An image is `width` wide, `plane` a channel.
static __device__ __forceinline__ Tap tap_at(int element, TapGrid grid, int width, INDEX plane) {
    const int taps = grid.rows * grid.columns, channel = element / taps, tap = element % taps;
    const int r = tap / grid.columns, s = tap % grid.columns;
    const INDEX row = r * grid.row_step, column = s * grid.column_step;
    return Tap{channel * plane + row * width + column, 1u << r | 1u << (grid.rows + s)};
}

// --- a period of the depth ---------------------------------------------------------------------------------------

// Where a loader stands in the table: the first DEPTH entries are those of the first step, which the depth need not
// fill; the others are a period, used again and again.
template <int DEPTH>
struct Cursor {
    int row, end;

    __device__ __forceinline__ explicit Cursor(int taps) : row(DEPTH), end(DEPTH + DEPTH * taps) {}
    // On to the next step; returns whether a new period begins.
    __device__ __forceinline__ bool advance() {
        row += DEPTH;
        if (row != end) return false;
        row = DEPTH;
        return true;
    }
    // How many entries are used, and which element of the depth entry i stands for: -1 for none.
    static __device__ __forceinline__ int entries(int depth, int taps) {
        return DEPTH + smaller_of(DEPTH * taps, depth - head_of<DEPTH>(depth));
    }
    static __device__ __forceinline__ int element(int i, int depth) {
        const int head = head_of<DEPTH>(depth);
        if (i < DEPTH) return i < head ? i : -1;
        return head + i - DEPTH;
    }
};

// Writes the table, all threads of the block; a barrier must follow.
template <class T>
static __device__ __forceinline__ void write_taps(Tap* table, int depth, TapGrid grid, int width, INDEX plane) {
    const int entries = Cursor<T::depth>::entries(depth, grid.rows * grid.columns);
    for (int i = static_cast<int>(threadIdx.x); i < entries; i += T::threads) {
        const int element = Cursor<T::depth>::element(i, depth);
        table[i] = element < 0 ? Tap{0, NO_TAP} : tap_at(element, grid, width, plane);
    }
}

// --- the loader --------------------------------------------------------------------------------------------------

// A thread takes one column, an output pixel; neighbouring threads take neighbouring pixels, which at stride 1 lie side
// by side in the image. A warp reads one table entry at a time.
template <class T>
struct Gather {
    static constexpr int step = T::threads / T::columns, passes = T::depth / step;
    static_assert(T::threads % T::columns == 0 && T::depth % step == 0, "threads take whole columns");
    const Tap* table;
    const SCALAR* image;  // the pixel's origin in the first channel of the period, which may be outside of the image
    INDEX period;         // elements from one period's first channel to the next one's
    unsigned outside;     // the bits of the taps' rows and columns that are not inside of the image
    Cursor<T::depth> cursor;
    int k, column;
    REAL values[passes];

    // The thread's column within the tile.
    static __device__ __forceinline__ int own_column() { return static_cast<int>(threadIdx.x) % T::columns; }

    // `inside`: of inside_bits, 0 for a column that is not there.
    __device__ __forceinline__ Gather(const Tap* table, int taps, const SCALAR* image, unsigned inside, INDEX plane)
        : table(table), image(image), period(T::depth * plane), outside(~inside), cursor(taps) {
        k = static_cast<int>(threadIdx.x) / T::columns;
        column = own_column();
        this->table += k;
    }
    __device__ __forceinline__ void fetch_head() { load(table); }
    __device__ __forceinline__ void fetch() {
        load(table + cursor.row);
        if (cursor.advance()) image += period;
    }
    __device__ __forceinline__ void load(const Tap* taps) {
#pragma unroll
        for (int v = 0; v < passes; ++v) {
            const Tap tap = taps[v * step];
            values[v] = 0;
            if ((tap.bits & outside) == 0) values[v] = to_real(image[tap.offset]);
        }
    }
    __device__ __forceinline__ void stash(REAL (&to)[T::depth][T::columns + QUAD]) const {
#pragma unroll
        for (int v = 0; v < passes; ++v) to[k + v * step][column] = values[v];
    }
};
