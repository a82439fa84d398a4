#include "checkpoint/hdf5_library.hpp"

#include <utility>
#include <vector>

namespace ctclip {
namespace {

std::mutex& library_mutex() {
    static std::mutex mutex;
    return mutex;
}

void start_library() {
    static std::once_flag once;
    std::call_once(once, [] {
        H5dont_atexit();  // its exit handlers crash after a failed write; must come first
        H5open();
        H5PLset_loading_state(0);  // a file must not be able to name a plug-in to load
    });
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

herr_t keep_description(unsigned /*depth*/, H5E_error2_t const* error, void* text) noexcept {
    try {
        *static_cast<std::string*>(text) = fmt::format("{} in {}", error->desc, error->func_name);
        return 0;
    } catch (...) {
        return -1;
    }
}

std::vector<std::pair<DType, hid_t>> const& array_types() {
    static std::vector<std::pair<DType, hid_t>> const types{
        {DType::kF64, H5T_IEEE_F64LE}, {DType::kF32, H5T_IEEE_F32LE}, {DType::kI64, H5T_STD_I64LE},
        {DType::kI32, H5T_STD_I32LE},  {DType::kI16, H5T_STD_I16LE},  {DType::kI8, H5T_STD_I8LE},
        {DType::kU64, H5T_STD_U64LE},  {DType::kU32, H5T_STD_U32LE},  {DType::kU16, H5T_STD_U16LE},
        {DType::kU8, H5T_STD_U8LE}};
    return types;
}

}  // namespace

Hdf5Turn::Hdf5Turn() : lock_(library_mutex()) {
    start_library();
}

std::string innermost_hdf5_error() {
    std::string text = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, &text);
    return text;
}

std::optional<hid_t> to_hdf5(DType type) {
    for (auto const& [dtype, id] : array_types()) {
        if (dtype == type) {
            return id;
        }
    }
    return std::nullopt;
}

std::optional<DType> from_hdf5(hid_t type) {
    for (auto const& [dtype, id] : array_types()) {
        if (H5Tequal(type, id) > 0) {
            return dtype;
        }
    }
    return std::nullopt;
}

}  // namespace ctclip
