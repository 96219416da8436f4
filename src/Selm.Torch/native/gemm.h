// Matrix products of the fused kernels. oneDNN's sgemm is taken where the libtorch at hand exports it (Debian's does):
// on short inner dimensions it is 10 to 60 % faster than the OpenBLAS that libtorch calls. Elsewhere (PyTorch wheels hide
// their oneDNN and bring MKL) libtorch's own product serves.
#pragma once
#include <ATen/ATen.h>

#include "signals.h"

#include <dlfcn.h>

#include <cstdint>

namespace selm {

// A float32 matrix in memory as BLAS sees it: row-major, `pitch` floats between rows, read transposed if asked.
struct Mat {
    const float* data;
    int64_t pitch;
    bool transposed = false;
};

inline Mat t(Mat m) { return {m.data, m.pitch, !m.transposed}; }

using Sgemm = int (*)(char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float, float*, int64_t);

inline Sgemm onednn() {
    static const auto found = reinterpret_cast<Sgemm>(dlsym(RTLD_DEFAULT, "dnnl_sgemm"));
    return found;
}

// c [m, n] = a [m, k] b [k, n] + beta c; c is dense rows of `pitch` floats.
inline void gemm(int64_t m, int64_t n, int64_t k, Mat a, Mat b, float beta, float* c, int64_t pitch) {
    if (m == 0 || n == 0) return;
    if (const Sgemm sgemm = onednn()) {
        const SignalsHeld held;
        const int failed = sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0f, a.data, a.pitch, b.data, b.pitch, beta, c, pitch);
        TORCH_CHECK(failed == 0, "oneDNN refused a product of ", m, " x ", k, " x ", n);
        return;
    }
    const auto view = [](Mat x, int64_t rows, int64_t columns) {
        const int64_t pitch_row = x.transposed ? 1 : x.pitch, pitch_column = x.transposed ? x.pitch : 1;
        return at::from_blob(const_cast<float*>(x.data), {rows, columns}, {pitch_row, pitch_column}, at::kFloat);
    };
    at::NoGradGuard no_grad;
    auto out = at::from_blob(c, {m, n}, {pitch, 1}, at::kFloat);
    if (beta == 0.0f) at::mm_out(out, view(a, m, k), view(b, k, n));
    else at::addmm_out(out, out, view(a, m, k), view(b, k, n), beta, 1);
}

} // namespace selm
