// Sixteen floats at a time: GCC's vector extensions, which the compiler lowers to whatever the machine has. Results
// depend on the order of operations only, which is fixed: the same inputs give the same bits on the same CPU.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace selm {

constexpr int W = 16; // floats per vector over keys

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

// Folds sixteen lanes to one, halves onto halves.
template <typename F>
inline float fold(v16 v, F&& pair) {
    using v8 = Vec<8>::type;
    using v4 = Vec<4>::type;
    v8 a, b;
    std::memcpy(&a, &v, sizeof a);
    std::memcpy(&b, reinterpret_cast<const char*>(&v) + sizeof a, sizeof b);
    a = pair(a, b);
    v4 c, d;
    std::memcpy(&c, &a, sizeof c);
    std::memcpy(&d, reinterpret_cast<const char*>(&a) + sizeof c, sizeof d);
    c = pair(c, d);
    const auto scalar = [&](float x, float y) { return pair(Vec<1>::type{x}, Vec<1>::type{y})[0]; };
    return scalar(scalar(c[0], c[2]), scalar(c[1], c[3]));
}

inline float hsum(v16 v) { return fold(v, [](auto a, auto b) { return a + b; }); }

inline float hmax(v16 v) { return fold(v, [](auto a, auto b) { return a > b ? a : b; }); }

inline v16 vmax(v16 a, v16 b) { return a > b ? a : b; }

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

} // namespace selm
