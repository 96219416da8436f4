// The head on the CPU (float32): log-probabilities of given tokens, and their gradient, without the logits of more than
// one chunk of positions at a time. The composition of plain operators beside each is in Models/Fast.cs.
#include "gemm.h"
#include "tensors.h"
#include "vector.h"

#include <vector>

namespace {

using namespace selm;

void check_ids(const Tensor& ids, int64_t rows, int64_t vocab) {
    TORCH_CHECK(ids.scalar_type() == at::kLong && ids.is_contiguous() && ids.numel() == rows, "ids must be one int64 per row");
    const int64_t* id = ids.data_ptr<int64_t>();
    for (int64_t i = 0; i < rows; ++i) TORCH_CHECK_INDEX(id[i] >= 0 && id[i] < vocab, "index out of range: token ", id[i], " of a vocabulary of ", vocab);
}

void check(const Tensor& states, const Tensor& head, const Tensor& ids) {
    for (const Tensor* t : {&states, &head})
        TORCH_CHECK(t->scalar_type() == at::kFloat && t->is_cpu() && t->is_contiguous() && t->dim() == 2, "states and head must be dense float32 matrices on the CPU");
    check_ids(ids, states.size(0), head.size(0));
}

// Positions per chunk: about 8 MB of logits, but enough positions for an efficient product.
int64_t chunk_rows(int64_t vocab) { return std::max<int64_t>(64, (2 << 20) / vocab / 16 * 16); }

// log sum exp of one row; vocabulary v.
inline float log_sum_exp(const float* row, int64_t v) {
    constexpr float lowest = -std::numeric_limits<float>::infinity();
    v16 top = v16{} + lowest, total{};
    int64_t k = 0;
    for (; k + W <= v; k += W) top = vmax(top, load(row + k));
    float best = hmax(top);
    for (int64_t rest = k; rest < v; ++rest) best = std::max(best, row[rest]);
    for (k = 0; k + W <= v; k += W) total += vexp(load(row + k) - best);
    float sum = hsum(total);
    for (; k < v; ++k) sum += std::exp(row[k] - best);
    return best + std::log(sum);
}

// log p(id) of each row under softmax(logits).
Tensor chosen_logps(const Tensor& any, const Tensor& ids) {
    at::NoGradGuard no_grad;
    const Tensor logits = any.contiguous();
    TORCH_CHECK(logits.scalar_type() == at::kFloat && logits.is_cpu() && logits.dim() == 2, "logits must be a float32 matrix on the CPU");
    check_ids(ids, logits.size(0), logits.size(1));
    const int64_t rows = logits.size(0), v = logits.size(1);
    Tensor logps = at::empty({rows}, logits.options());
    const float* z = logits.data_ptr<float>();
    float* y = logps.data_ptr<float>();
    const int64_t* id = ids.data_ptr<int64_t>();
    at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) y[i] = z[i * v + id[i]] - log_sum_exp(z + i * v, v);
    });
    return logps;
}

// log p(id) of each row of states under softmax(states head').
Tensor token_logps(const Tensor& any, const Tensor& head, const Tensor& ids) {
    at::NoGradGuard no_grad;
    const Tensor states = any.contiguous();
    check(states, head, ids);
    const int64_t rows = states.size(0), h = states.size(1), v = head.size(0), step = std::min(rows, chunk_rows(v));
    Tensor logps = at::empty({rows}, states.options()), logits = at::empty({step, v}, states.options());
    float *y = logps.data_ptr<float>(), *z = logits.data_ptr<float>();
    const int64_t* id = ids.data_ptr<int64_t>();
    for (int64_t at = 0; at < rows; at += step) {
        const int64_t n = std::min(step, rows - at);
        gemm(n, v, h, {states.data_ptr<float>() + at * h, h}, {head.data_ptr<float>(), h, true}, 0.0f, z, v);
        at::parallel_for(0, n, 16, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) y[at + i] = z[i * v + id[at + i]] - log_sum_exp(z + i * v, v);
        });
    }
    return logps;
}

// Gradient of sum_i weights[i] log p(id_i): returned for the states, added to grad_head for the head.
// d/d logits = weight * (onehot(id) - softmax(logits)); the log sum exp comes from logp = logit(id) - lse.
Tensor token_logps_backward(const Tensor& any, const Tensor& head, const Tensor& ids, const Tensor& logps, const Tensor& weights, Tensor& grad_head) {
    at::NoGradGuard no_grad;
    const Tensor states = any.contiguous();
    check(states, head, ids);
    for (const Tensor* t : {&logps, &weights, static_cast<const Tensor*>(&grad_head)})
        TORCH_CHECK(t->scalar_type() == at::kFloat && t->is_contiguous(), "log-probs, weights and the head's gradient must be dense float32");
    const int64_t rows = states.size(0), h = states.size(1), v = head.size(0), step = std::min(rows, chunk_rows(v));
    Tensor grad = at::empty_like(states), logits = at::empty({step, v}, states.options());
    float* z = logits.data_ptr<float>();
    const float *logp = logps.data_ptr<float>(), *weight = weights.data_ptr<float>();
    const int64_t* id = ids.data_ptr<int64_t>();
    for (int64_t at = 0; at < rows; at += step) {
        const int64_t n = std::min(step, rows - at);
        const float* x = states.data_ptr<float>() + at * h;
        gemm(n, v, h, {x, h}, {head.data_ptr<float>(), h, true}, 0.0f, z, v);
        at::parallel_for(0, n, 16, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                float* row = z + i * v;
                const float w = weight[at + i], lse = row[id[at + i]] - logp[at + i];
                for_each_vector(v, [&](int64_t k, int count) { store_n(row + k, vexp(load_n(row + k, count) - lse) * -w, count); });
                row[id[at + i]] += w;
            }
        });
        gemm(n, h, v, {z, v}, {head.data_ptr<float>(), h}, 0.0f, grad.data_ptr<float>() + at * h, h);
        gemm(v, h, n, {z, v, true}, {x, h}, 1.0f, grad_head.data_ptr<float>(), h);
    }
    return grad;
}

} // namespace

TORCH_LIBRARY_FRAGMENT(selm, m) {
    m.def("chosen_logps(Tensor logits, Tensor ids) -> Tensor", &chosen_logps);
    m.def("token_logps(Tensor states, Tensor head, Tensor ids) -> Tensor", &token_logps);
    m.def("token_logps_backward(Tensor states, Tensor head, Tensor ids, Tensor logps, Tensor weights, Tensor(a!) grad_head) -> Tensor", &token_logps_backward);
}
