// Fused CPU kernels (float32) for the four places where a transformer step on small models loses its time to memory
// passes: RMS norm, SwiGLU, attention with rotary positions, and attention against a key-value cache. Each is
// registered as an operator `selm::...` with a C++ autograd function, so the same dispatcher entry reaches it, and
// each has a composition of plain operators in Models/Fast.cs that a test holds it to.
//
// Vectors are GCC vector extensions: the compiler lowers them to whatever the machine has. Results depend on the
// order of operations only, which is fixed: the same inputs give the same bits on the same CPU and thread count.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "gemm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int W = 16; // floats per vector over keys
constexpr int R = 8;  // query rows handled together

template <int N> struct Vec { typedef float type __attribute__((vector_size(N * 4), aligned(4))); };
using v16 = Vec<W>::type;
typedef int32_t i16 __attribute__((vector_size(W * 4), aligned(4)));

inline v16 load(const float* p) { return *reinterpret_cast<const v16*>(p); }
inline void store(float* p, v16 v) { *reinterpret_cast<v16*>(p) = v; }

// exp by 2^n times a polynomial on [-ln2/2, ln2/2]; relative error about 1e-7; x below -87 gives about 1e-38.
inline v16 vexp(v16 x) {
    x = x < -87.0f ? v16{} - 87.0f : x;
    x = x > 88.0f ? v16{} + 88.0f : x;
    const v16 shifted = x * 1.44269504088896341f + 12582912.0f; // the magic number rounds to the nearest integer
    const v16 n = shifted - 12582912.0f;
    const v16 r = x - n * 0.693359375f + n * 2.12194440e-4f;
    v16 p = v16{} + 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const i16 exponent = (__builtin_convertvector(n, i16) + 127) << 23;
    v16 scale;
    std::memcpy(&scale, &exponent, sizeof scale);
    return p * scale;
}

inline float hsum(v16 v) {
    float sum = 0;
    for (int k = 0; k < W; ++k) sum += v[k];
    return sum;
}

inline float hmax(v16 v) {
    float best = v[0];
    for (int k = 1; k < W; ++k) best = std::max(best, v[k]);
    return best;
}

void check(const Tensor& t, const char* name) {
    TORCH_CHECK(t.scalar_type() == at::kFloat && t.is_cpu(), name, " must be float32 on the CPU");
}

// ---- RMS norm: y = x / sqrt(mean(x^2) + eps) * w ---------------------------------------------------------------

struct RmsNorm : torch::autograd::Function<RmsNorm> {
    static Tensor forward(AutogradContext* ctx, Tensor x, const Tensor& weight, double eps) {
        check(x, "x");
        x = x.contiguous();
        const int64_t h = x.size(-1), rows = x.numel() / h;
        Tensor y = at::empty_like(x), inverse = at::empty({rows}, x.options());
        const float *px = x.data_ptr<float>(), *pw = weight.data_ptr<float>();
        float *py = y.data_ptr<float>(), *pi = inverse.data_ptr<float>();
        at::parallel_for(0, rows, 256, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const float* xi = px + i * h;
                v16 acc{};
                int64_t k = 0;
                for (; k + W <= h; k += W) acc += load(xi + k) * load(xi + k);
                float sum = hsum(acc);
                for (; k < h; ++k) sum += xi[k] * xi[k];
                const float inv = pi[i] = 1.0f / std::sqrt(sum / h + static_cast<float>(eps));
                float* yi = py + i * h;
                for (k = 0; k < h; ++k) yi[k] = xi[k] * inv * pw[k];
            }
        });
        ctx->save_for_backward({x, weight, inverse});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const auto saved = ctx->get_saved_variables();
        const Tensor &x = saved[0], &weight = saved[1], &inverse = saved[2];
        const Tensor g = grads[0].contiguous();
        const int64_t h = x.size(-1), rows = x.numel() / h;
        const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows));
        const int64_t grain = (rows + parts - 1) / parts;
        Tensor dx = at::empty_like(x), partial = at::zeros({parts, h}, x.options());
        const float *px = x.data_ptr<float>(), *pw = weight.data_ptr<float>(), *pi = inverse.data_ptr<float>(), *pg = g.data_ptr<float>();
        float *pdx = dx.data_ptr<float>(), *pdw = partial.data_ptr<float>();
        at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
            for (int64_t part = first; part < last; ++part) {
                float* dw = pdw + part * h;
                for (int64_t i = part * grain; i < std::min(rows, (part + 1) * grain); ++i) {
                    const float *xi = px + i * h, *gi = pg + i * h;
                    const float inv = pi[i];
                    v16 acc{};
                    int64_t k = 0;
                    for (; k + W <= h; k += W) acc += load(xi + k) * load(gi + k) * load(pw + k);
                    float dot = hsum(acc);
                    for (; k < h; ++k) dot += xi[k] * gi[k] * pw[k];
                    const float c = dot * inv * inv / h;
                    float* di = pdx + i * h;
                    for (k = 0; k < h; ++k) {
                        di[k] = inv * (gi[k] * pw[k] - xi[k] * c);
                        dw[k] += gi[k] * xi[k] * inv;
                    }
                }
            }
        });
        return {dx, partial.sum(0), Tensor()};
    }
};

// ---- linear: y = x w' (+ residual) ------------------------------------------------------------------------------

struct Linear : torch::autograd::Function<Linear> {
    static Tensor forward(AutogradContext* ctx, Tensor x, const Tensor& w, const c10::optional<Tensor>& residual) {
        check(x, "x");
        TORCH_CHECK(x.dim() == 2 && x.size(1) == w.size(1) && w.is_contiguous(), "linear needs x [rows, in] and a dense weight [out, in]");
        x = x.contiguous();
        const int64_t rows = x.size(0), in = x.size(1), out = w.size(0);
        Tensor y = residual ? residual->clone(at::MemoryFormat::Contiguous) : at::empty({rows, out}, x.options());
        selm::gemm(rows, out, in, {x.data_ptr<float>(), in}, {w.data_ptr<float>(), in, true}, residual ? 1.0f : 0.0f, y.data_ptr<float>(), out);
        ctx->save_for_backward({x, w});
        ctx->saved_data["residual"] = residual.has_value();
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const auto saved = ctx->get_saved_variables();
        const Tensor &x = saved[0], &w = saved[1], g = grads[0].contiguous();
        const int64_t rows = x.size(0), in = x.size(1), out = w.size(0);
        const float* pg = g.data_ptr<float>();
        Tensor dx, dw;
        if (ctx->needs_input_grad(0)) {
            dx = at::empty_like(x);
            selm::gemm(rows, in, out, {pg, out}, {w.data_ptr<float>(), in}, 0.0f, dx.data_ptr<float>(), in);
        }
        if (ctx->needs_input_grad(1)) {
            dw = at::empty_like(w);
            selm::gemm(out, in, rows, {pg, out, true}, {x.data_ptr<float>(), in}, 0.0f, dw.data_ptr<float>(), in);
        }
        return {dx, dw, ctx->saved_data["residual"].toBool() ? g : Tensor()};
    }
};

// ---- SwiGLU on packed [.., 2F]: silu(gate) * up ----------------------------------------------------------------

inline v16 sigmoid(v16 x) { return 1.0f / (1.0f + vexp(-x)); }

template <typename F>
void for_each_vector(int64_t n, F&& body) { // body(offset, count) with count == W but for the tail
    int64_t k = 0;
    for (; k + W <= n; k += W) body(k, W);
    if (k < n) body(k, static_cast<int>(n - k));
}

inline v16 load_n(const float* p, int n) {
    if (n == W) return load(p);
    v16 v{};
    for (int k = 0; k < n; ++k) v[k] = p[k];
    return v;
}

inline void store_n(float* p, v16 v, int n) {
    if (n == W) return store(p, v);
    for (int k = 0; k < n; ++k) p[k] = v[k];
}

struct SwiGlu : torch::autograd::Function<SwiGlu> {
    static Tensor forward(AutogradContext* ctx, Tensor x) {
        check(x, "gate_up");
        x = x.contiguous();
        const int64_t f = x.size(-1) / 2, rows = x.numel() / (2 * f);
        auto sizes = x.sizes().vec();
        sizes.back() = f;
        Tensor y = at::empty(sizes, x.options());
        const float* px = x.data_ptr<float>();
        float* py = y.data_ptr<float>();
        at::parallel_for(0, rows, 64, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const float *gate = px + i * 2 * f, *up = gate + f;
                for_each_vector(f, [&](int64_t k, int n) {
                    const v16 g = load_n(gate + k, n);
                    store_n(py + i * f + k, g * sigmoid(g) * load_n(up + k, n), n);
                });
            }
        });
        ctx->save_for_backward({x});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const Tensor x = ctx->get_saved_variables()[0], g = grads[0].contiguous();
        const int64_t f = x.size(-1) / 2, rows = x.numel() / (2 * f);
        Tensor dx = at::empty_like(x);
        const float *px = x.data_ptr<float>(), *pg = g.data_ptr<float>();
        float* pdx = dx.data_ptr<float>();
        at::parallel_for(0, rows, 64, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const float *gate = px + i * 2 * f, *up = gate + f;
                float *dgate = pdx + i * 2 * f, *dup = dgate + f;
                for_each_vector(f, [&](int64_t k, int n) {
                    const v16 a = load_n(gate + k, n), s = sigmoid(a), d = load_n(pg + i * f + k, n);
                    store_n(dup + k, d * a * s, n);
                    store_n(dgate + k, d * load_n(up + k, n) * s * (1.0f + a * (1.0f - s)), n);
                });
            }
        });
        return {dx};
    }
};

// ---- attention ---------------------------------------------------------------------------------------------------
// Queries see two ranges of keys: [a0, a1) (a shared prompt) and [b0, b1) (the own response up to itself), given per
// query as four int32. That one form serves causal rows, left and right padding, sliding windows and several
// responses that share one prompt.

struct Range { int32_t a0, a1, b0, b1; };

inline bool touches(const Range& r, int64_t lo, int64_t hi) {
    return (r.a0 < hi && r.a1 > lo && r.a0 < r.a1) || (r.b0 < hi && r.b1 > lo && r.b0 < r.b1);
}

inline i16 allowed(const Range& r, int64_t at) {
    static const i16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const i16 j = lane + static_cast<int32_t>(at);
    return ((j >= r.a0) & (j < r.a1)) | ((j >= r.b0) & (j < r.b1));
}

// Rotates one head of one token: pairs (d, d + D/2) by the token's position; sign -1 turns back (the gradient).
template <int D>
inline void rotate(const float* in, float* out, const float* cos, const float* sin, float sign) {
    for (int d = 0; d < D / 2; ++d) {
        const float x = in[d], y = in[d + D / 2], s = sign * sin[d];
        out[d] = x * cos[d] - y * s;
        out[d + D / 2] = y * cos[d] + x * s;
    }
}

// acc[r][.] = sum_d rows[r][d] * transposed[d][at + .]
template <int D>
inline void scores(const float (*rows)[D], const float* transposed, int64_t pitch, int64_t at, v16* acc) {
    for (int r = 0; r < R; ++r) acc[r] = v16{};
    for (int d = 0; d < D; ++d) {
        const v16 t = load(transposed + d * pitch + at);
        for (int r = 0; r < R; ++r) acc[r] += t * rows[r][d];
    }
}

// out[r][.] += sum_j weights[r][j] * values[j][.] over the chunks marked active
template <int D>
inline void gather(const float* weights, int64_t pitch, const std::vector<int32_t>& active, const float* values, int64_t keys, float (*out)[D]) {
    constexpr int V = D < W ? D : W, SLICE = D < 2 * V ? V : 2 * V;
    using vec = typename Vec<V>::type;
    for (int slice = 0; slice < D; slice += SLICE) {
        vec acc[R][SLICE / V] = {};
        for (const int32_t at : active) {
            const int64_t end = std::min<int64_t>(at + W, keys);
            for (int64_t j = at; j < end; ++j) {
                vec value[SLICE / V];
                for (int s = 0; s < SLICE / V; ++s) value[s] = *reinterpret_cast<const vec*>(values + j * D + slice + s * V);
                for (int r = 0; r < R; ++r)
                    for (int s = 0; s < SLICE / V; ++s) acc[r][s] += value[s] * weights[r * pitch + j];
            }
        }
        for (int r = 0; r < R; ++r)
            for (int s = 0; s < SLICE / V; ++s) *reinterpret_cast<vec*>(out[r] + slice + s * V) = acc[r][s];
    }
}

// into[j][.] += sum_r weights[r][j] * rows[r][.]
template <int D>
inline void spread(const float* weights, int64_t pitch, const std::vector<int32_t>& active, const float (*rows)[D], int64_t keys, float* into) {
    constexpr int V = D < W ? D : W, SLICE = D < 2 * V ? V : 2 * V;
    using vec = typename Vec<V>::type;
    for (int slice = 0; slice < D; slice += SLICE) {
        vec row[R][SLICE / V];
        for (int r = 0; r < R; ++r)
            for (int s = 0; s < SLICE / V; ++s) row[r][s] = *reinterpret_cast<const vec*>(rows[r] + slice + s * V);
        for (const int32_t at : active) {
            const int64_t end = std::min<int64_t>(at + W, keys);
            for (int64_t j = at; j < end; ++j) {
                for (int s = 0; s < SLICE / V; ++s) {
                    vec acc = *reinterpret_cast<vec*>(into + j * D + slice + s * V);
                    for (int r = 0; r < R; ++r) acc += row[r][s] * weights[r * pitch + j];
                    *reinterpret_cast<vec*>(into + j * D + slice + s * V) = acc;
                }
            }
        }
    }
}

// Scores to probabilities, in place, over the active chunks; returns log sum exp per row (-inf for a row without keys).
inline void softmax_rows(float* s, int64_t pitch, const std::vector<int32_t>& active, const Range* ranges, int rows, float* lse) {
    for (int r = 0; r < rows; ++r) {
        float* row = s + r * pitch;
        float best = -std::numeric_limits<float>::infinity();
        for (const int32_t at : active) {
            const v16 masked = allowed(ranges[r], at) ? load(row + at) : v16{} - std::numeric_limits<float>::infinity();
            best = std::max(best, hmax(masked));
        }
        v16 total{};
        for (const int32_t at : active) {
            const v16 p = allowed(ranges[r], at) ? vexp(load(row + at) - best) : v16{};
            total += p;
            store(row + at, p);
        }
        const float sum = hsum(total);
        lse[r] = sum > 0 ? best + std::log(sum) : -std::numeric_limits<float>::infinity();
        const float scale = sum > 0 ? 1.0f / sum : 0.0f;
        for (const int32_t at : active) store(row + at, load(row + at) * scale);
    }
}

inline void find_active(const Range* ranges, int rows, int64_t keys, std::vector<int32_t>& active) {
    active.clear();
    for (int64_t at = 0; at < keys; at += W) {
        for (int r = 0; r < rows; ++r) {
            if (touches(ranges[r], at, at + W)) { active.push_back(static_cast<int32_t>(at)); break; }
        }
    }
}

struct Shape {
    int64_t batch, seq, heads, kv_heads, width; // width: floats of one token in the packed qkv
    int64_t pitch() const { return (seq + W - 1) / W * W; }
    int64_t group() const { return heads / kv_heads; }
};

// One (row, kv head): its keys rotated and transposed, its values plain (and transposed for the backward pass).
template <int D>
struct KeyBlock {
    std::vector<float> kt, k, v, vt;

    void fill(const float* qkv, const Shape& s, int64_t kv_head, const float* cos, const float* sin, const int64_t* positions, bool backward) {
        const int64_t pitch = s.pitch();
        kt.assign(D * pitch, 0.0f);
        k.resize(s.seq * D);
        v.resize(s.seq * D);
        if (backward) vt.assign(D * pitch, 0.0f);
        for (int64_t j = 0; j < s.seq; ++j) {
            const float* key = qkv + j * s.width + (s.heads + kv_head) * D;
            const float* value = key + s.kv_heads * D;
            rotate<D>(key, &k[j * D], cos + positions[j] * (D / 2), sin + positions[j] * (D / 2), 1.0f);
            std::memcpy(&v[j * D], value, D * sizeof(float));
            for (int d = 0; d < D; ++d) kt[d * pitch + j] = k[j * D + d];
            if (backward) for (int d = 0; d < D; ++d) vt[d * pitch + j] = value[d];
        }
    }
};

template <int D>
void attention_forward(const Shape& s, const float* qkv, const float* cos, const float* sin, const int64_t* positions,
                       const Range* ranges, float* out, float* lse) {
    const int64_t pitch = s.pitch();
    const float scale = 1.0f / std::sqrt(static_cast<float>(D));
    at::parallel_for(0, s.batch * s.kv_heads, 1, [&](int64_t begin, int64_t end) {
        KeyBlock<D> keys;
        std::vector<float> weights(R * pitch);
        std::vector<int32_t> active;
        for (int64_t item = begin; item < end; ++item) {
            const int64_t b = item / s.kv_heads, kv = item % s.kv_heads;
            const float* x = qkv + b * s.seq * s.width;
            const int64_t* pos = positions + b * s.seq;
            keys.fill(x, s, kv, cos, sin, pos, false);
            for (int64_t i = 0; i < s.seq; i += R) {
                const int rows = static_cast<int>(std::min<int64_t>(R, s.seq - i));
                const Range* range = ranges + b * s.seq + i;
                find_active(range, rows, s.seq, active);
                for (int64_t h = kv * s.group(); h < (kv + 1) * s.group(); ++h) {
                    alignas(64) float q[R][D] = {}, o[R][D];
                    float l[R];
                    for (int r = 0; r < rows; ++r) {
                        rotate<D>(x + (i + r) * s.width + h * D, q[r], cos + pos[i + r] * (D / 2), sin + pos[i + r] * (D / 2), 1.0f);
                        for (int d = 0; d < D; ++d) q[r][d] *= scale;
                    }
                    for (const int32_t at : active) {
                        v16 acc[R];
                        scores<D>(q, keys.kt.data(), pitch, at, acc);
                        for (int r = 0; r < R; ++r) store(&weights[r * pitch + at], acc[r]);
                    }
                    softmax_rows(weights.data(), pitch, active, range, rows, l);
                    gather<D>(weights.data(), pitch, active, keys.v.data(), s.seq, o);
                    for (int r = 0; r < rows; ++r) {
                        std::memcpy(out + ((b * s.seq + i + r) * s.heads + h) * D, o[r], sizeof o[r]);
                        lse[(b * s.heads + h) * s.seq + i + r] = l[r];
                    }
                }
            }
        }
    });
}

template <int D>
void attention_backward(const Shape& s, const float* qkv, const float* cos, const float* sin, const int64_t* positions,
                        const Range* ranges, const float* out, const float* lse, const float* dout, float* dqkv) {
    const int64_t pitch = s.pitch();
    const float scale = 1.0f / std::sqrt(static_cast<float>(D));
    at::parallel_for(0, s.batch * s.kv_heads, 1, [&](int64_t begin, int64_t end) {
        KeyBlock<D> keys;
        std::vector<float> p(R * pitch), ds(R * pitch), dk, dv;
        std::vector<int32_t> active;
        for (int64_t item = begin; item < end; ++item) {
            const int64_t b = item / s.kv_heads, kv = item % s.kv_heads;
            const float* x = qkv + b * s.seq * s.width;
            float* dx = dqkv + b * s.seq * s.width;
            const int64_t* pos = positions + b * s.seq;
            keys.fill(x, s, kv, cos, sin, pos, true);
            dk.assign(s.seq * D, 0.0f);
            dv.assign(s.seq * D, 0.0f);
            for (int64_t i = 0; i < s.seq; i += R) {
                const int rows = static_cast<int>(std::min<int64_t>(R, s.seq - i));
                const Range* range = ranges + b * s.seq + i;
                find_active(range, rows, s.seq, active);
                for (int64_t h = kv * s.group(); h < (kv + 1) * s.group(); ++h) {
                    alignas(64) float q[R][D] = {}, g[R][D] = {}, dq[R][D];
                    float l[R] = {}, delta[R] = {};
                    for (int r = 0; r < rows; ++r) {
                        const int64_t token = b * s.seq + i + r;
                        const float* o = out + (token * s.heads + h) * D;
                        rotate<D>(x + (i + r) * s.width + h * D, q[r], cos + pos[i + r] * (D / 2), sin + pos[i + r] * (D / 2), 1.0f);
                        std::memcpy(g[r], dout + (token * s.heads + h) * D, sizeof g[r]);
                        for (int d = 0; d < D; ++d) { q[r][d] *= scale; delta[r] += g[r][d] * o[d]; }
                        l[r] = lse[(b * s.heads + h) * s.seq + i + r];
                    }
                    for (const int32_t at : active) {
                        v16 acc[R], dp[R];
                        scores<D>(q, keys.kt.data(), pitch, at, acc);
                        scores<D>(g, keys.vt.data(), pitch, at, dp);
                        for (int r = 0; r < R; ++r) {
                            const v16 prob = r < rows ? (allowed(range[r], at) ? vexp(acc[r] - l[r]) : v16{}) : v16{};
                            store(&p[r * pitch + at], prob);
                            store(&ds[r * pitch + at], prob * (dp[r] - delta[r]));
                        }
                    }
                    gather<D>(ds.data(), pitch, active, keys.k.data(), s.seq, dq);
                    spread<D>(ds.data(), pitch, active, q, s.seq, dk.data()); // q carries the scale already
                    spread<D>(p.data(), pitch, active, g, s.seq, dv.data());
                    for (int r = 0; r < rows; ++r) {
                        for (int d = 0; d < D; ++d) dq[r][d] *= scale;
                        rotate<D>(dq[r], dx + (i + r) * s.width + h * D, cos + pos[i + r] * (D / 2), sin + pos[i + r] * (D / 2), -1.0f);
                    }
                }
            }
            for (int64_t j = 0; j < s.seq; ++j) {
                float* key = dx + j * s.width + (s.heads + kv) * D;
                rotate<D>(&dk[j * D], key, cos + pos[j] * (D / 2), sin + pos[j] * (D / 2), -1.0f);
                std::memcpy(key + s.kv_heads * D, &dv[j * D], D * sizeof(float));
            }
        }
    });
}

// Calls body with the head size as a compile-time constant.
template <typename F>
void with_head_size(int64_t d, F&& body) {
    switch (d) {
        case 8: return body(std::integral_constant<int, 8>());
        case 16: return body(std::integral_constant<int, 16>());
        case 32: return body(std::integral_constant<int, 32>());
        case 64: return body(std::integral_constant<int, 64>());
        case 128: return body(std::integral_constant<int, 128>());
        default: TORCH_CHECK(false, "fused attention has no kernel for head size ", d);
    }
}

Shape shape_of(const Tensor& qkv, int64_t heads, int64_t kv_heads) {
    return {qkv.size(0), qkv.size(1), heads, kv_heads, qkv.size(2)};
}

struct Attention : torch::autograd::Function<Attention> {
    static Tensor forward(AutogradContext* ctx, Tensor qkv, const Tensor& cos, const Tensor& sin, const Tensor& positions,
                          const Tensor& ranges, int64_t heads, int64_t kv_heads) {
        check(qkv, "qkv");
        qkv = qkv.contiguous();
        const Shape s = shape_of(qkv, heads, kv_heads);
        const int64_t d = s.width / (heads + 2 * kv_heads);
        TORCH_CHECK(positions.is_contiguous() && ranges.is_contiguous() && ranges.scalar_type() == at::kInt, "positions and ranges must be contiguous, ranges int32");
        Tensor out = at::empty({s.batch, s.seq, heads * d}, qkv.options()), lse = at::empty({s.batch, heads, s.seq}, qkv.options());
        with_head_size(d, [&](auto size) {
            attention_forward<decltype(size)::value>(s, qkv.data_ptr<float>(), cos.data_ptr<float>(), sin.data_ptr<float>(), positions.data_ptr<int64_t>(),
                reinterpret_cast<const Range*>(ranges.data_ptr<int32_t>()), out.data_ptr<float>(), lse.data_ptr<float>());
        });
        ctx->save_for_backward({qkv, cos, sin, positions, ranges, out, lse});
        ctx->saved_data["heads"] = heads;
        ctx->saved_data["kv_heads"] = kv_heads;
        return out;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const auto saved = ctx->get_saved_variables();
        const Tensor &qkv = saved[0], g = grads[0].contiguous();
        const int64_t heads = ctx->saved_data["heads"].toInt(), kv_heads = ctx->saved_data["kv_heads"].toInt();
        const Shape s = shape_of(qkv, heads, kv_heads);
        Tensor dqkv = at::empty_like(qkv);
        with_head_size(s.width / (heads + 2 * kv_heads), [&](auto size) {
            attention_backward<decltype(size)::value>(s, qkv.data_ptr<float>(), saved[1].data_ptr<float>(), saved[2].data_ptr<float>(), saved[3].data_ptr<int64_t>(),
                reinterpret_cast<const Range*>(saved[4].data_ptr<int32_t>()), saved[5].data_ptr<float>(), saved[6].data_ptr<float>(), g.data_ptr<float>(), dqkv.data_ptr<float>());
        });
        return {dqkv, Tensor(), Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
    }
};

// New tokens [B, T] attend to a cache that already holds `offset` tokens per row; their keys (rotated) and values are
// written to it first. k_cache [B, kv, D, capacity] (transposed for the score product), v_cache [B, kv, capacity, D].
// first[b] is the first key of row b that is not padding. No gradient.
template <int D>
void cached_attention(const Shape& s, const float* qkv, const float* cos, const float* sin, const int64_t* positions,
                      float* k_cache, float* v_cache, int64_t capacity, const int32_t* first, int64_t offset, int64_t window, float* out) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(D));
    const int64_t keys = offset + s.seq, group = s.group();
    at::parallel_for(0, s.batch * s.kv_heads, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> weights(R * capacity);
        std::vector<int32_t> active;
        for (int64_t item = begin; item < end; ++item) {
            const int64_t b = item / s.kv_heads, kv = item % s.kv_heads;
            float *kt = k_cache + item * D * capacity, *v = v_cache + item * capacity * D;
            const float* x = qkv + b * s.seq * s.width;
            const int64_t* pos = positions + b * s.seq;
            for (int64_t t = 0; t < s.seq; ++t) {
                float k[D];
                const float* key = x + t * s.width + (s.heads + kv) * D;
                rotate<D>(key, k, cos + pos[t] * (D / 2), sin + pos[t] * (D / 2), 1.0f);
                for (int d = 0; d < D; ++d) kt[d * capacity + offset + t] = k[d];
                std::memcpy(v + (offset + t) * D, key + s.kv_heads * D, D * sizeof(float));
            }
            const int64_t lines = s.seq * group; // query rows of this kv head: (token, head of the group)
            for (int64_t line = 0; line < lines; line += R) {
                const int rows = static_cast<int>(std::min<int64_t>(R, lines - line));
                alignas(64) float q[R][D] = {}, o[R][D];
                float lse[R];
                Range range[R];
                for (int r = 0; r < rows; ++r) {
                    const int64_t t = (line + r) / group, h = kv * group + (line + r) % group, last = offset + t + 1;
                    const int64_t lo = std::max<int64_t>(first[b], window > 0 ? last - window : 0);
                    range[r] = {0, 0, static_cast<int32_t>(lo), static_cast<int32_t>(last)};
                    rotate<D>(x + t * s.width + h * D, q[r], cos + pos[t] * (D / 2), sin + pos[t] * (D / 2), 1.0f);
                    for (int d = 0; d < D; ++d) q[r][d] *= scale;
                }
                find_active(range, rows, keys, active);
                for (const int32_t at : active) {
                    v16 acc[R];
                    scores<D>(q, kt, capacity, at, acc);
                    for (int r = 0; r < R; ++r) store(&weights[r * capacity + at], acc[r]);
                }
                softmax_rows(weights.data(), capacity, active, range, rows, lse);
                gather<D>(weights.data(), capacity, active, v, keys, o);
                for (int r = 0; r < rows; ++r) {
                    const int64_t t = (line + r) / group, h = kv * group + (line + r) % group;
                    std::memcpy(out + ((b * s.seq + t) * s.heads + h) * D, o[r], sizeof o[r]);
                }
            }
        }
    });
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) { return RmsNorm::apply(x, weight, eps); }

Tensor linear(const Tensor& x, const Tensor& w) { return Linear::apply(x, w, c10::optional<Tensor>()); }

Tensor linear_add(const Tensor& residual, const Tensor& x, const Tensor& w) { return Linear::apply(x, w, c10::optional<Tensor>(residual)); }

Tensor swiglu(const Tensor& gate_up) { return SwiGlu::apply(gate_up); }

Tensor attention(const Tensor& qkv, const Tensor& cos, const Tensor& sin, const Tensor& positions, const Tensor& ranges, int64_t heads, int64_t kv_heads) {
    return Attention::apply(qkv, cos, sin, positions, ranges, heads, kv_heads);
}

Tensor attention_with_cache(const Tensor& packed, const Tensor& cos, const Tensor& sin, const Tensor& positions, Tensor& k_cache, Tensor& v_cache,
                            const Tensor& first, int64_t offset, int64_t window, int64_t heads, int64_t kv_heads) {
    at::NoGradGuard no_grad;
    check(packed, "qkv");
    const Tensor qkv = packed.contiguous();
    const Shape s = shape_of(qkv, heads, kv_heads);
    const int64_t d = s.width / (heads + 2 * kv_heads), capacity = k_cache.size(3);
    TORCH_CHECK(capacity % W == 0 && offset + s.seq <= capacity, "the key-value cache is full: ", offset + s.seq, " tokens, room for ", capacity);
    Tensor out = at::empty({s.batch, s.seq, heads * d}, qkv.options());
    with_head_size(d, [&](auto size) {
        cached_attention<decltype(size)::value>(s, qkv.data_ptr<float>(), cos.data_ptr<float>(), sin.data_ptr<float>(), positions.data_ptr<int64_t>(),
            k_cache.data_ptr<float>(), v_cache.data_ptr<float>(), capacity, first.data_ptr<int32_t>(), offset, window, out.data_ptr<float>());
    });
    return out;
}

} // namespace

TORCH_LIBRARY(selm, m) {
    m.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor", &rms_norm);
    m.def("linear(Tensor x, Tensor weight) -> Tensor", &linear);
    m.def("linear_add(Tensor residual, Tensor x, Tensor weight) -> Tensor", &linear_add);
    m.def("swiglu(Tensor gate_up) -> Tensor", &swiglu);
    m.def("attention(Tensor qkv, Tensor cos, Tensor sin, Tensor positions, Tensor ranges, int heads, int kv_heads) -> Tensor", &attention);
    m.def("cached_attention(Tensor qkv, Tensor cos, Tensor sin, Tensor positions, Tensor(a!) k_cache, Tensor(b!) v_cache, Tensor first, int offset, int window, int heads, int kv_heads) -> Tensor", &attention_with_cache);
}
