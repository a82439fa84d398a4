// A safetensors file: length, JSON header, and data of which every byte belongs to exactly one tensor.
#include <cstring>

#include "checkpoint/safetensors_file.hpp"
#include "fuzz/fuzz_target.hpp"

namespace ctclip {
namespace {

void read_weights(std::span<std::uint8_t const> bytes) {
    static MemoryFile file;
    std::filesystem::path const& path = file.hold(bytes);
    NamedArrays const tensors = read_safetensors(path);
    std::uint64_t data_bytes = 0;
    for (auto const& [name, array] : tensors) {
        promise(!name.empty() && name != "__metadata__", "a tensor has a name of its own");
        promise(array.bytes.size() ==
                    static_cast<std::uint64_t>(element_count(array.shape)) * item_size_bytes(array.type),
                "a tensor has the bytes of its shape");
        data_bytes += array.bytes.size();
    }
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
    promise(sizeof header_bytes + header_bytes + data_bytes == bytes.size(),
            "every byte belongs to one tensor");
    read_safetensors_metadata(path);
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    return ctclip::read_or_refuse([&] { ctclip::read_weights({data, size}); });
}
