// Fused attention on the CPU (float32) with rotary positions and grouped heads, over whole rows with a gradient and
// against a key-value cache without one. The composition of plain operators beside each is in Models/Fast.cs.
#include "tensors.h"
#include "vector.h"

#include <vector>

namespace {

using namespace selm;

constexpr int R = 8; // query rows handled together

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
template <int D, int Q = R>
inline void scores(const float (*rows)[D], const float* transposed, int64_t pitch, int64_t at, v16* acc) {
    for (int r = 0; r < Q; ++r) acc[r] = v16{};
    for (int d = 0; d < D; ++d) {
        const v16 t = load(transposed + d * pitch + at);
        for (int r = 0; r < Q; ++r) acc[r] += t * rows[r][d];
    }
}

// out[r][.] += sum_j weights[r][j] * values[j][.] over the chunks marked active
template <int D, int Q = R>
inline void gather(const float* weights, int64_t pitch, const std::vector<int32_t>& active, const float* values, int64_t keys, float (*out)[D]) {
    constexpr int V = D < W ? D : W, SLICE = D < 2 * V ? V : 2 * V;
    using vec = typename Vec<V>::type;
    for (int slice = 0; slice < D; slice += SLICE) {
        vec acc[Q][SLICE / V] = {};
        for (const int32_t at : active) {
            const int64_t end = std::min<int64_t>(at + W, keys);
            for (int64_t j = at; j < end; ++j) {
                vec value[SLICE / V];
                for (int s = 0; s < SLICE / V; ++s) value[s] = *reinterpret_cast<const vec*>(values + j * D + slice + s * V);
                for (int r = 0; r < Q; ++r)
                    for (int s = 0; s < SLICE / V; ++s) acc[r][s] += value[s] * weights[r * pitch + j];
            }
        }
        for (int r = 0; r < Q; ++r)
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

// Scores to unnormalised probabilities, in place, over the active chunks; per row the log sum exp (-inf for a row
// without keys) and what the probabilities have to be multiplied with.
template <int Q = R>
inline void softmax_rows(float* s, int64_t pitch, const std::vector<int32_t>& active, const Range* ranges, int rows, float* lse, float* scale) {
    constexpr float lowest = -std::numeric_limits<float>::infinity();
    for (int r = 0; r < rows; ++r) {
        float* row = s + r * pitch;
        v16 top = v16{} + lowest;
        for (const int32_t at : active) {
            const v16 masked = allowed(ranges[r], at) ? load(row + at) : v16{} + lowest;
            store(row + at, masked);
            top = vmax(top, masked);
        }
        const float best = hmax(top);
        v16 total{};
        for (const int32_t at : active) {
            const v16 masked = load(row + at);
            const v16 p = masked == lowest ? v16{} : vexp(masked - best); // NaN stays NaN
            total += p;
            store(row + at, p);
        }
        const float sum = hsum(total);
        lse[r] = sum > 0 ? best + std::log(sum) : lowest;
        scale[r] = sum > 0 ? 1.0f / sum : 0.0f;
    }
    for (int r = rows; r < Q; ++r)
        for (const int32_t at : active) store(s + r * pitch + at, v16{});
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
                    float l[R], norm[R];
                    for (int r = 0; r < rows; ++r) {
                        rotate<D>(x + (i + r) * s.width + h * D, q[r], cos + pos[i + r] * (D / 2), sin + pos[i + r] * (D / 2), 1.0f);
                        for (int d = 0; d < D; ++d) q[r][d] *= scale;
                    }
                    for (const int32_t at : active) {
                        v16 acc[R];
                        scores<D>(q, keys.kt.data(), pitch, at, acc);
                        for (int r = 0; r < R; ++r) store(&weights[r * pitch + at], acc[r]);
                    }
                    softmax_rows<>(weights.data(), pitch, active, range, rows, l, norm);
                    gather<D>(weights.data(), pitch, active, keys.v.data(), s.seq, o);
                    for (int r = 0; r < rows; ++r) {
                        float* to = out + ((b * s.seq + i + r) * s.heads + h) * D;
                        for (int d = 0; d < D; ++d) to[d] = o[r][d] * norm[r];
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
            const auto attend = [&](int64_t line, auto height) { // so many rows together: few of them where few are new
                constexpr int Q = decltype(height)::value;
                const int rows = static_cast<int>(std::min<int64_t>(Q, lines - line));
                alignas(64) float q[Q][D] = {}, o[Q][D];
                float lse[Q], norm[Q];
                Range range[Q];
                for (int r = 0; r < rows; ++r) {
                    const int64_t t = (line + r) / group, h = kv * group + (line + r) % group, last = offset + t + 1;
                    const int64_t lo = std::max<int64_t>(first[b], window > 0 ? last - window : 0);
                    range[r] = {0, 0, static_cast<int32_t>(lo), static_cast<int32_t>(last)};
                    rotate<D>(x + t * s.width + h * D, q[r], cos + pos[t] * (D / 2), sin + pos[t] * (D / 2), 1.0f);
                    for (int d = 0; d < D; ++d) q[r][d] *= scale;
                }
                find_active(range, rows, keys, active);
                for (const int32_t at : active) {
                    v16 acc[Q];
                    scores<D, Q>(q, kt, capacity, at, acc);
                    for (int r = 0; r < Q; ++r) store(&weights[r * capacity + at], acc[r]);
                }
                softmax_rows<Q>(weights.data(), capacity, active, range, rows, lse, norm);
                gather<D, Q>(weights.data(), capacity, active, v, keys, o);
                for (int r = 0; r < rows; ++r) {
                    const int64_t t = (line + r) / group, h = kv * group + (line + r) % group;
                    float* to = out + ((b * s.seq + t) * s.heads + h) * D;
                    for (int d = 0; d < D; ++d) to[d] = o[r][d] * norm[r];
                }
            };
            if (lines == 1) attend(0, std::integral_constant<int, 1>());
            else if (lines == 2) attend(0, std::integral_constant<int, 2>());
            else if (lines <= 4) attend(0, std::integral_constant<int, 4>());
            else for (int64_t line = 0; line < lines; line += R) attend(line, std::integral_constant<int, R>());
        }
    });
}

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

TORCH_LIBRARY_FRAGMENT(selm, m) {
    m.def("attention(Tensor qkv, Tensor cos, Tensor sin, Tensor positions, Tensor ranges, int heads, int kv_heads) -> Tensor", &attention);
    m.def("cached_attention(Tensor qkv, Tensor cos, Tensor sin, Tensor positions, Tensor(a!) k_cache, Tensor(b!) v_cache, Tensor first, int offset, int window, int heads, int kv_heads) -> Tensor", &attention_with_cache);
}
