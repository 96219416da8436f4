// The one door to libtorch: find an operator by its schema name, call it boxed, and let libtorch's dispatcher do
// autograd, devices and dtypes. Every aten:: operator is reachable through call(); nothing here knows any of them.
//
// Rules of this file:
// - no exception crosses the C boundary: every entry catches, keeps the text per thread and returns a code;
// - arguments are converted by the operator's own schema (an int where it says float, a plain list where it says
//   optional list, None), and arguments left out take the schema's defaults;
// - a tensor handle is an at::Tensor on the heap, owned by the caller; undefined tensors travel as null.
// Compiles against libtorch 1.13 (Debian's libtorch-dev) and the headers inside PyTorch 2.x wheels.
#include "gemm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <dlfcn.h>
#include <malloc.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#define SELM_API extern "C" __attribute__((visibility("default")))

namespace {

enum Tag : int32_t { None = 0, Tensor, Int, Double, Bool, IntList, DoubleList, TensorList, String, Device };

// Mirrored by TorchSharp.Interop.NativeArg; 16 bytes.
struct Arg {
    int32_t tag;
    int32_t count; // list and string lengths
    union { int64_t i; double d; void* p; } value;
};

struct Op {
    c10::OperatorHandle handle;
    std::vector<c10::Argument> arguments;
};

thread_local std::string last_error;
thread_local torch::jit::Stack stack;

template <typename F>
int guarded(F&& body) noexcept {
    try {
        body();
        return 0;
    } catch (const c10::Error& e) {
        last_error = e.what_without_backtrace();
    } catch (const std::exception& e) {
        last_error = e.what();
    } catch (...) {
        last_error = "unknown C++ exception";
    }
    stack.clear();
    return 1;
}

at::Tensor& as_tensor(void* handle) { return *static_cast<at::Tensor*>(handle); }

at::Tensor or_undefined(void* handle) { return handle ? as_tensor(handle) : at::Tensor(); }

void* give(at::Tensor tensor) { return tensor.defined() ? new at::Tensor(std::move(tensor)) : nullptr; }

c10::IValue to_list(const Arg& arg, const c10::TypePtr& element) {
    const bool optional = element->kind() == c10::TypeKind::OptionalType;
    const auto kind = optional ? element->castRaw<c10::OptionalType>()->getElementType()->kind() : element->kind();
    switch (kind) {
        case c10::TypeKind::TensorType: {
            c10::impl::GenericList list(element);
            auto** tensors = static_cast<void**>(arg.value.p);
            for (int32_t k = 0; k < arg.count; ++k) {
                if (tensors[k] == nullptr && optional) list.push_back(c10::IValue());
                else list.push_back(c10::IValue(or_undefined(tensors[k])));
            }
            return c10::IValue(std::move(list));
        }
        case c10::TypeKind::FloatType: {
            c10::List<double> list;
            if (arg.tag == Double) list.push_back(arg.value.d);
            else for (int32_t k = 0; k < arg.count; ++k) list.push_back(static_cast<double*>(arg.value.p)[k]);
            return c10::IValue(std::move(list));
        }
        case c10::TypeKind::BoolType: {
            c10::List<bool> list;
            for (int32_t k = 0; k < arg.count; ++k) list.push_back(static_cast<int64_t*>(arg.value.p)[k] != 0);
            return c10::IValue(std::move(list));
        }
        default: { // int[], SymInt[]: a plain int list serves both
            c10::List<int64_t> list;
            if (arg.tag == Int) list.push_back(arg.value.i);
            else for (int32_t k = 0; k < arg.count; ++k) list.push_back(static_cast<int64_t*>(arg.value.p)[k]);
            return c10::IValue(std::move(list));
        }
    }
}

c10::IValue to_ivalue(const Arg& arg, const c10::Argument& expected) {
    const c10::Type* type = expected.type().get();
    c10::TypePtr held; // keeps an unwrapped element type alive
    if (type->kind() == c10::TypeKind::OptionalType) {
        if (arg.tag == None) return c10::IValue();
        held = type->castRaw<c10::OptionalType>()->getElementType();
        type = held.get();
    }
    switch (type->kind()) {
        case c10::TypeKind::TensorType:
            TORCH_CHECK(arg.tag == Tensor || arg.tag == None, "argument '", expected.name(), "' must be a tensor");
            return c10::IValue(arg.tag == None ? at::Tensor() : as_tensor(arg.value.p));
        case c10::TypeKind::FloatType:
            return c10::IValue(arg.tag == Double ? arg.value.d : static_cast<double>(arg.value.i));
        case c10::TypeKind::BoolType:
            return c10::IValue(arg.value.i != 0);
        case c10::TypeKind::ListType:
            return to_list(arg, type->castRaw<c10::ListType>()->getElementType());
        case c10::TypeKind::StringType:
            return c10::IValue(std::string(static_cast<const char*>(arg.value.p), arg.count));
        case c10::TypeKind::DeviceObjType:
            return c10::IValue(c10::Device(static_cast<c10::DeviceType>(arg.value.i >> 32),
                                           static_cast<c10::DeviceIndex>(static_cast<int32_t>(arg.value.i))));
        case c10::TypeKind::NumberType: // Scalar: int, double or bool as it comes
            if (arg.tag == Double) return c10::IValue(arg.value.d);
            if (arg.tag == Bool) return c10::IValue(arg.value.i != 0);
            return c10::IValue(arg.value.i);
        default: // int, SymInt, dtype, layout, memory format
            if (arg.tag == None) return c10::IValue();
            TORCH_CHECK(arg.tag == Int || arg.tag == Bool, "argument '", expected.name(), "' must be an integer");
            return c10::IValue(arg.value.i);
    }
}

Arg give_result(c10::IValue value) {
    Arg out{None, 0, {0}};
    if (value.isTensor()) {
        out.tag = Tensor;
        out.value.p = give(std::move(value).toTensor());
    } else if (value.isTensorList()) {
        auto list = value.toTensorVector();
        auto** handles = new void*[list.size()];
        for (size_t k = 0; k < list.size(); ++k) handles[k] = give(list[k]);
        out.tag = TensorList;
        out.count = static_cast<int32_t>(list.size());
        out.value.p = handles;
    } else if (value.isInt()) {
        out.tag = Int;
        out.value.i = value.toInt();
    } else if (value.isDouble()) {
        out.tag = Double;
        out.value.d = value.toDouble();
    } else if (value.isBool()) {
        out.tag = Bool;
        out.value.i = value.toBool();
    } else if (value.isScalar()) {
        out.tag = Double;
        out.value.d = value.toScalar().toDouble();
    }
    return out;
}

std::vector<at::Tensor> gather(void** handles, int32_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(count);
    for (int32_t k = 0; k < count; ++k) tensors.push_back(or_undefined(handles[k]));
    return tensors;
}

} // namespace

// Activations of a step are freed and allocated again in the next one. By default glibc gives blocks above 128 kB back
// to the system each time, and every first touch of the new block is a page fault: keep them instead.
__attribute__((constructor)) static void keep_memory() {
    mallopt(M_MMAP_THRESHOLD, 32 << 20); // the most that glibc accepts
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 64 << 20);
}

SELM_API const char* selm_last_error() { return last_error.c_str(); }

SELM_API const char* selm_version() { return TORCH_VERSION; }

SELM_API const char* selm_config() {
    static const std::string text = at::show_config();
    return text.c_str();
}

// Finds "aten::add" with overload "Tensor"; null where this libtorch lacks it (not an error).
SELM_API void* selm_find(const char* name, const char* overload) {
    void* found = nullptr;
    guarded([&] {
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        if (handle) found = new Op{*handle, handle->schema().arguments()};
    });
    return found;
}

// Calls an operator. `results` has room for `room` values; `returned` says how many came.
SELM_API int selm_call(void* op, const Arg* args, int32_t count, Arg* results, int32_t room, int32_t* returned) {
    if (selm::onednn() != nullptr) selm::start_workers();
    return guarded([&] {
        const auto& o = *static_cast<Op*>(op);
        TORCH_CHECK(count <= static_cast<int32_t>(o.arguments.size()), "too many arguments for ",
                    o.handle.schema().operator_name());
        stack.clear();
        for (int32_t k = 0; k < count; ++k) stack.push_back(to_ivalue(args[k], o.arguments[k]));
        for (size_t k = count; k < o.arguments.size(); ++k) {
            TORCH_CHECK(o.arguments[k].default_value(), "argument '", o.arguments[k].name(), "' of ",
                        o.handle.schema().operator_name(), " is missing");
            stack.push_back(*o.arguments[k].default_value());
        }
        o.handle.callBoxed(stack);
        TORCH_CHECK(static_cast<int32_t>(stack.size()) <= room, "more results than expected");
        *returned = static_cast<int32_t>(stack.size());
        for (int32_t k = 0; k < *returned; ++k) results[k] = give_result(std::move(stack[k]));
        stack.clear();
    });
}

SELM_API void selm_free(void* tensor) { delete static_cast<at::Tensor*>(tensor); }

SELM_API void selm_free_list(void** handles) { delete[] handles; }

struct Info {
    int64_t numel;
    void* data; // null when the tensor has no storage here (meta)
    int32_t ndim, dtype, device_type, device_index, requires_grad, is_leaf, is_contiguous, element_size;
};

SELM_API int selm_info(void* tensor, Info* info) {
    return guarded([&] {
        const auto& t = as_tensor(tensor);
        info->numel = t.numel();
        info->data = t.is_meta() ? nullptr : t.data_ptr();
        info->ndim = static_cast<int32_t>(t.dim());
        info->dtype = static_cast<int32_t>(t.scalar_type());
        info->device_type = static_cast<int32_t>(t.device().type());
        info->device_index = t.device().index();
        info->requires_grad = t.requires_grad();
        info->is_leaf = t.is_leaf();
        info->is_contiguous = t.is_contiguous();
        info->element_size = static_cast<int32_t>(t.element_size());
    });
}

SELM_API void selm_sizes(void* tensor, int64_t* sizes, int64_t* strides) {
    const auto& t = as_tensor(tensor);
    for (int64_t k = 0; k < t.dim(); ++k) {
        sizes[k] = t.size(k);
        if (strides) strides[k] = t.stride(k);
    }
}

SELM_API int selm_set_requires_grad(void* tensor, int32_t value) {
    return guarded([&] { as_tensor(tensor).set_requires_grad(value != 0); });
}

SELM_API void* selm_grad(void* tensor) { return give(as_tensor(tensor).grad()); }

SELM_API int selm_set_grad(void* tensor, void* grad) {
    return guarded([&] { as_tensor(tensor).mutable_grad() = or_undefined(grad); });
}

// Points `tensor` at the data of `source`, as Python's `tensor.data = source`.
SELM_API int selm_set_data(void* tensor, void* source) {
    return guarded([&] { as_tensor(tensor).set_data(as_tensor(source)); });
}

SELM_API int selm_backward(void** tensors, void** grads, int32_t count, int32_t retain_graph, int32_t create_graph,
                           void** inputs, int32_t input_count) {
    return guarded([&] {
        torch::autograd::backward(gather(tensors, count), gather(grads, count), retain_graph != 0, create_graph != 0,
                                  gather(inputs, input_count));
    });
}

SELM_API int selm_autograd(void** outputs, void** grads, int32_t count, void** inputs, int32_t input_count,
                           int32_t retain_graph, int32_t create_graph, int32_t allow_unused, void** results) {
    return guarded([&] {
        auto found = torch::autograd::grad(gather(outputs, count), gather(inputs, input_count), gather(grads, count),
                                           retain_graph != 0, create_graph != 0, allow_unused != 0);
        for (size_t k = 0; k < found.size(); ++k) results[k] = give(found[k]);
    });
}

SELM_API int32_t selm_grad_enabled() { return c10::GradMode::is_enabled(); }
SELM_API void selm_set_grad_enabled(int32_t value) { c10::GradMode::set_enabled(value != 0); }
SELM_API int32_t selm_inference_enabled() { return c10::InferenceMode::is_enabled(); }
SELM_API void* selm_inference_enter(int32_t mode) { return new c10::InferenceMode(mode != 0); }
SELM_API void selm_inference_leave(void* guard) { delete static_cast<c10::InferenceMode*>(guard); }

SELM_API void selm_manual_seed(int64_t seed) {
    guarded([&] { at::manual_seed(static_cast<uint64_t>(seed)); });
}

SELM_API int32_t selm_get_num_threads() { return at::get_num_threads(); }
// OpenBLAS built on pthreads has a pool of its own that libtorch's setting does not reach.
SELM_API void selm_set_num_threads(int32_t n) {
    guarded([&] { at::set_num_threads(n); });
    if (auto* set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) set(n);
}
SELM_API int32_t selm_get_num_interop_threads() { return at::get_num_interop_threads(); }
SELM_API int selm_set_num_interop_threads(int32_t n) { return guarded([&] { at::set_num_interop_threads(n); }); }

SELM_API int32_t selm_cuda_count() {
    int32_t count = 0;
    guarded([&] { count = torch::cuda::is_available() ? static_cast<int32_t>(torch::cuda::device_count()) : 0; });
    return count;
}

SELM_API int selm_cuda_synchronize(int64_t index) { return guarded([&] { torch::cuda::synchronize(index); }); }
