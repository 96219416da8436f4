// The decoder's layers but attention, fused on the CPU (float32): norm and product; norm, gated feed-forward and
// residual. Rows are handled in chunks whose intermediate values stay in the cache, and a backward pass computes norms
// and gates again instead of reading them from memory. Each operator `selm::...` carries a C++ autograd function; the
// composition of plain operators beside it is in Models/Fast.cs, and a test holds the two together.
#include "gemm.h"
#include "tensors.h"
#include "vector.h"

#include <vector>

namespace {

using namespace selm;

const float* in(const Tensor& t) { return t.data_ptr<float>(); }
float* out(Tensor& t) { return t.data_ptr<float>(); }

bool wants_graph(std::initializer_list<std::reference_wrapper<const Tensor>> tensors) {
    if (!at::GradMode::is_enabled()) return false;
    for (const Tensor& t : tensors) if (t.requires_grad()) return true;
    return false;
}

// Rows per chunk: about a quarter megabyte of intermediate values, but enough rows for an efficient product.
int64_t chunk_rows(int64_t width) { return std::max<int64_t>(128, (64 << 10) / width / 16 * 16); }

template <typename F>
void for_chunks(int64_t rows, int64_t step, F&& body) { // body(first, count)
    for (int64_t at = 0; at < rows; at += step) body(at, std::min(step, rows - at));
}

// ---- RMS norm: y = x / sqrt(mean(x^2) + eps) * w ---------------------------------------------------------------

inline float inverse_rms(const float* x, int64_t h, double eps) {
    v16 acc{};
    for_each_vector(h, [&](int64_t k, int n) { const v16 v = load_n(x + k, n); acc += v * v; });
    return 1.0f / std::sqrt(hsum(acc) / h + static_cast<float>(eps));
}

void rms_forward(const float* x, const float* w, int64_t rows, int64_t h, double eps, float* y, float* inverse) {
    at::parallel_for(0, rows, 256, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const float inv = inverse[i] = inverse_rms(x + i * h, h, eps);
            for (int64_t k = 0; k < h; ++k) y[i * h + k] = x[i * h + k] * inv * w[k];
        }
    });
}

// The same once inverse is known.
void rms_again(const float* x, const float* w, const float* inverse, int64_t rows, int64_t h, float* y) {
    at::parallel_for(0, rows, 256, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            for (int64_t k = 0; k < h; ++k) y[i * h + k] = x[i * h + k] * inverse[i] * w[k];
    });
}

// dx = gradient through the norm of g (+ residual gradient), dw += gradient of the weight.
void rms_backward(const float* x, const float* w, const float* inverse, const float* g, const float* residual, int64_t rows, int64_t h, float* dx, float* dw) {
    const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows / 16)), grain = (rows + parts - 1) / parts;
    std::vector<float> sums(parts * h, 0.0f);
    at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
        for (int64_t part = first; part < last; ++part) {
            float* sum = sums.data() + part * h;
            for (int64_t i = part * grain; i < std::min(rows, (part + 1) * grain); ++i) {
                const float *xi = x + i * h, *gi = g + i * h, inv = inverse[i];
                v16 acc{};
                for_each_vector(h, [&](int64_t k, int n) { acc += load_n(xi + k, n) * load_n(gi + k, n) * load_n(w + k, n); });
                const float c = hsum(acc) * inv * inv / h;
                for (int64_t k = 0; k < h; ++k) sum[k] += gi[k] * xi[k] * inv;
                float* di = dx + i * h;
                if (residual != nullptr) {
                    const float* ri = residual + i * h;
                    for (int64_t k = 0; k < h; ++k) di[k] = ri[k] + inv * (gi[k] * w[k] - xi[k] * c);
                } else {
                    for (int64_t k = 0; k < h; ++k) di[k] = inv * (gi[k] * w[k] - xi[k] * c);
                }
            }
        }
    });
    for (int64_t part = 0; part < parts; ++part)
        for (int64_t k = 0; k < h; ++k) dw[k] += sums[part * h + k];
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
    static Tensor forward(AutogradContext* ctx, Tensor x, const Tensor& w, double eps) {
        check(x, "x");
        x = x.contiguous();
        const int64_t h = x.size(-1), rows = x.numel() / h;
        Tensor y = at::empty_like(x), inverse = at::empty({rows}, x.options());
        rms_forward(in(x), in(w), rows, h, eps, out(y), out(inverse));
        ctx->save_for_backward({x, w, inverse});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const auto saved = ctx->get_saved_variables();
        const Tensor &x = saved[0], &w = saved[1], g = grads[0].contiguous();
        Tensor dx = at::empty_like(x), dw = at::zeros_like(w);
        rms_backward(in(x), in(w), in(saved[2]), in(g), nullptr, x.numel() / x.size(-1), x.size(-1), out(dx), out(dw));
        return {dx, dw, Tensor()};
    }
};

// ---- linear: y = x w' (+ residual) ------------------------------------------------------------------------------

Tensor linear_forward(const Tensor& x, const Tensor& w, const Tensor* residual) {
    const int64_t rows = x.size(0), from = x.size(1), to = w.size(0);
    Tensor y = residual != nullptr ? residual->clone(at::MemoryFormat::Contiguous) : at::empty({rows, to}, x.options());
    gemm(rows, to, from, {in(x), from}, {in(w), from, true}, residual != nullptr ? 1.0f : 0.0f, out(y), to);
    return y;
}

struct Linear : torch::autograd::Function<Linear> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& w, const Tensor& residual, bool add) {
        ctx->save_for_backward({x, w});
        ctx->saved_data["add"] = add;
        return linear_forward(x, w, add ? &residual : nullptr);
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const auto saved = ctx->get_saved_variables();
        const Tensor &x = saved[0], &w = saved[1], g = grads[0].contiguous();
        const int64_t rows = x.size(0), from = x.size(1), to = w.size(0);
        Tensor dx = at::empty_like(x), dw = at::empty_like(w);
        gemm(rows, from, to, {in(g), to}, {in(w), from}, 0.0f, out(dx), from);
        gemm(to, from, rows, {in(g), to, true}, {in(x), from}, 0.0f, out(dw), from);
        return {dx, dw, ctx->saved_data["add"].toBool() ? g : Tensor(), Tensor()};
    }
};

// ---- norm_linear: y = norm(x) w' --------------------------------------------------------------------------------

Tensor norm_linear_forward(const Tensor& x, const Tensor& norm, const Tensor& w, double eps, float* inverse) {
    const int64_t rows = x.size(0), h = x.size(1), to = w.size(0), step = chunk_rows(h + to);
    Tensor y = at::empty({rows, to}, x.options());
    std::vector<float> normed(std::min(step, rows) * h);
    for_chunks(rows, step, [&](int64_t at, int64_t n) {
        rms_forward(in(x) + at * h, in(norm), n, h, eps, normed.data(), inverse + at);
        gemm(n, to, h, {normed.data(), h}, {in(w), h, true}, 0.0f, out(y) + at * to, to);
    });
    return y;
}

struct NormLinear : torch::autograd::Function<NormLinear> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& norm, const Tensor& w, double eps) {
        Tensor inverse = at::empty({x.size(0)}, x.options());
        Tensor y = norm_linear_forward(x, norm, w, eps, out(inverse));
        ctx->save_for_backward({x, norm, w, inverse});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const auto saved = ctx->get_saved_variables();
        const Tensor &x = saved[0], &norm = saved[1], &w = saved[2], &inverse = saved[3], g = grads[0].contiguous();
        const int64_t rows = x.size(0), h = x.size(1), to = w.size(0), step = chunk_rows(2 * h + to);
        Tensor dx = at::empty_like(x), dnorm = at::zeros_like(norm), dw = at::zeros_like(w);
        std::vector<float> normed(std::min(step, rows) * h), dnormed(normed.size());
        for_chunks(rows, step, [&](int64_t at, int64_t n) {
            const float *xc = in(x) + at * h, *gc = in(g) + at * to, *inv = in(inverse) + at;
            rms_again(xc, in(norm), inv, n, h, normed.data());
            gemm(to, h, n, {gc, to, true}, {normed.data(), h}, 1.0f, out(dw), h);
            gemm(n, h, to, {gc, to}, {in(w), h}, 0.0f, dnormed.data(), h);
            rms_backward(xc, in(norm), inv, dnormed.data(), nullptr, n, h, out(dx) + at * h, out(dnorm));
        });
        return {dx, dnorm, dw, Tensor()};
    }
};

// ---- mlp: y = x + (silu(gate) * up) down', where gate, up = norm(x) gate_up' ----------------------------------------

void swiglu(const float* gate_up, int64_t rows, int64_t f, float* y) {
    at::parallel_for(0, rows, 64, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const float *gate = gate_up + i * 2 * f, *up = gate + f;
            for_each_vector(f, [&](int64_t k, int n) {
                const v16 g = load_n(gate + k, n);
                store_n(y + i * f + k, g * sigmoid(g) * load_n(up + k, n), n);
            });
        }
    });
}

// From the gradient of silu(gate) * up to that of gate and up; also that product itself, which the caller needs again.
void swiglu_backward(const float* gate_up, const float* dy, int64_t rows, int64_t f, float* y, float* dgate_up) {
    at::parallel_for(0, rows, 64, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const float *gate = gate_up + i * 2 * f, *up = gate + f;
            float *dgate = dgate_up + i * 2 * f, *dup = dgate + f;
            for_each_vector(f, [&](int64_t k, int n) {
                const v16 a = load_n(gate + k, n), s = sigmoid(a), b = load_n(up + k, n), d = load_n(dy + i * f + k, n), silu = a * s;
                store_n(y + i * f + k, silu * b, n);
                store_n(dup + k, d * silu, n);
                store_n(dgate + k, d * b * (s + silu * (1.0f - s)), n);
            });
        }
    });
}

// gate_up [rows, 2f] and inverse [rows] are kept where a gradient is wanted; null pointers keep nothing.
Tensor mlp_forward(const Tensor& x, const Tensor& norm, const Tensor& gate_up, const Tensor& down, double eps, float* kept, float* inverse) {
    const int64_t rows = x.size(0), h = x.size(1), f = down.size(1), step = chunk_rows(h + 3 * f), most = std::min(step, rows);
    Tensor y = x.clone(at::MemoryFormat::Contiguous);
    std::vector<float> normed(most * h), act(most * f), scratch(kept != nullptr ? 0 : most * 2 * f), unused(kept != nullptr ? 0 : most);
    for_chunks(rows, step, [&](int64_t at, int64_t n) {
        float* wide = kept != nullptr ? kept + at * 2 * f : scratch.data();
        rms_forward(in(x) + at * h, in(norm), n, h, eps, normed.data(), kept != nullptr ? inverse + at : unused.data());
        gemm(n, 2 * f, h, {normed.data(), h}, {in(gate_up), h, true}, 0.0f, wide, 2 * f);
        swiglu(wide, n, f, act.data());
        gemm(n, h, f, {act.data(), f}, {in(down), f, true}, 1.0f, out(y) + at * h, h);
    });
    return y;
}

struct Mlp : torch::autograd::Function<Mlp> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& norm, const Tensor& gate_up, const Tensor& down, double eps) {
        Tensor kept = at::empty({x.size(0), gate_up.size(0)}, x.options()), inverse = at::empty({x.size(0)}, x.options());
        Tensor y = mlp_forward(x, norm, gate_up, down, eps, out(kept), out(inverse));
        ctx->save_for_backward({x, norm, gate_up, down, kept, inverse});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const auto saved = ctx->get_saved_variables();
        const Tensor &x = saved[0], &norm = saved[1], &gate_up = saved[2], &down = saved[3], &kept = saved[4], &inverse = saved[5], g = grads[0].contiguous();
        const int64_t rows = x.size(0), h = x.size(1), f = down.size(1), step = chunk_rows(2 * h + 4 * f), most = std::min(step, rows);
        Tensor dx = at::empty_like(x), dnorm = at::zeros_like(norm), dgate_up = at::zeros_like(gate_up), ddown = at::zeros_like(down);
        std::vector<float> normed(most * h), dnormed(most * h), act(most * f), dact(most * f), dwide(most * 2 * f);
        for_chunks(rows, step, [&](int64_t at, int64_t n) {
            const float *xc = in(x) + at * h, *gc = in(g) + at * h, *inv = in(inverse) + at;
            gemm(n, f, h, {gc, h}, {in(down), f}, 0.0f, dact.data(), f);
            swiglu_backward(in(kept) + at * 2 * f, dact.data(), n, f, act.data(), dwide.data());
            gemm(h, f, n, {gc, h, true}, {act.data(), f}, 1.0f, out(ddown), f);
            rms_again(xc, in(norm), inv, n, h, normed.data());
            gemm(2 * f, h, n, {dwide.data(), 2 * f, true}, {normed.data(), h}, 1.0f, out(dgate_up), h);
            gemm(n, h, 2 * f, {dwide.data(), 2 * f}, {in(gate_up), h}, 0.0f, dnormed.data(), h);
            rms_backward(xc, in(norm), inv, dnormed.data(), gc, n, h, out(dx) + at * h, out(dnorm));
        });
        return {dx, dnorm, dgate_up, ddown, Tensor()};
    }
};

// ---- rows: some rows of a matrix ------------------------------------------------------------------------------------

Tensor pick_rows(const Tensor& x, const Tensor& index) {
    const int64_t h = x.size(1), count = index.numel(), rows = x.size(0);
    Tensor y = at::empty({count, h}, x.options());
    const int64_t* at = index.data_ptr<int64_t>();
    for (int64_t i = 0; i < count; ++i) {
        TORCH_CHECK_INDEX(at[i] >= 0 && at[i] < rows, "index out of range: row ", at[i], " of ", rows);
        std::memcpy(out(y) + i * h, in(x) + at[i] * h, h * sizeof(float));
    }
    return y;
}

struct Rows : torch::autograd::Function<Rows> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& index) {
        ctx->save_for_backward({index});
        ctx->saved_data["rows"] = x.size(0);
        return pick_rows(x, index);
    }

    static variable_list backward(AutogradContext* ctx, variable_list grads) {
        const Tensor index = ctx->get_saved_variables()[0], g = grads[0].contiguous();
        const int64_t h = g.size(1), count = index.numel();
        Tensor dx = at::zeros({ctx->saved_data["rows"].toInt(), h}, g.options());
        const int64_t* at = index.data_ptr<int64_t>();
        for (int64_t i = 0; i < count; ++i) {
            const float* from = in(g) + i * h;
            float* to = out(dx) + at[i] * h;
            for (int64_t k = 0; k < h; ++k) to[k] += from[k];
        }
        return {dx, Tensor()};
    }
};

// ---- operators ----------------------------------------------------------------------------------------------------

void check_matrices(std::initializer_list<std::reference_wrapper<const Tensor>> tensors) {
    for (const Tensor& t : tensors) {
        check(t, "x and its weights");
        TORCH_CHECK(t.is_contiguous(), "weights must be contiguous");
    }
}

Tensor rms_norm(const Tensor& x, const Tensor& w, double eps) { return RmsNorm::apply(x, w, eps); }

Tensor linear(const Tensor& any, const Tensor& w) {
    if (any.dim() != 2) {
        auto shape = any.sizes().vec();
        shape.back() = w.size(0);
        return (linear)(any.reshape({-1, any.size(-1)}), w).reshape(shape); // in parentheses: at::linear is not meant
    }
    const Tensor x = any.contiguous();
    check_matrices({x, w});
    TORCH_CHECK(x.dim() == 2 && x.size(1) == w.size(1), "linear needs x [rows, in] and a weight [out, in]");
    return wants_graph({x, w}) ? Linear::apply(x, w, x, false) : linear_forward(x, w, nullptr);
}

Tensor linear_add(const Tensor& residual, const Tensor& any, const Tensor& w) {
    const Tensor x = any.contiguous();
    check_matrices({x, w});
    TORCH_CHECK(x.dim() == 2 && x.size(1) == w.size(1), "linear needs x [rows, in] and a weight [out, in]");
    return wants_graph({residual, x, w}) ? Linear::apply(x, w, residual, true) : linear_forward(x, w, &residual);
}

Tensor norm_linear(const Tensor& any, const Tensor& norm, const Tensor& w, double eps) {
    const Tensor x = any.contiguous();
    check_matrices({x, norm, w});
    if (wants_graph({x, norm, w})) return NormLinear::apply(x, norm, w, eps);
    std::vector<float> inverse(x.size(0));
    return norm_linear_forward(x, norm, w, eps, inverse.data());
}

Tensor mlp(const Tensor& any, const Tensor& norm, const Tensor& gate_up, const Tensor& down, double eps) {
    const Tensor x = any.contiguous();
    check_matrices({x, norm, gate_up, down});
    return wants_graph({x, norm, gate_up, down}) ? Mlp::apply(x, norm, gate_up, down, eps) : mlp_forward(x, norm, gate_up, down, eps, nullptr, nullptr);
}

Tensor rows(const Tensor& any, const Tensor& index) {
    const Tensor x = any.contiguous();
    check_matrices({x});
    TORCH_CHECK(x.dim() == 2 && index.is_contiguous() && index.scalar_type() == at::kLong, "rows needs x [rows, width] and contiguous int64 indices");
    return wants_graph({x}) ? Rows::apply(x, index) : pick_rows(x, index);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(selm, m) {
    m.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor", &rms_norm);
    m.def("linear(Tensor x, Tensor weight) -> Tensor", &linear);
    m.def("linear_add(Tensor residual, Tensor x, Tensor weight) -> Tensor", &linear_add);
    m.def("norm_linear(Tensor x, Tensor norm, Tensor weight, float eps) -> Tensor", &norm_linear);
    m.def("mlp(Tensor x, Tensor norm, Tensor gate_up, Tensor down, float eps) -> Tensor", &mlp);
    m.def("rows(Tensor x, Tensor index) -> Tensor", &rows);
}
