// The header of a .npy: behind a CRC-32 in a zip, so that npz_fuzz seldom reaches it.
#include "fuzz/fuzz_target.hpp"
#include "npz/npy_header.hpp"

namespace ctclip {
namespace {

void parse_header(std::span<std::uint8_t const> bytes) {
    std::span<std::uint8_t const> const prefix = bytes.first(std::min(bytes.size(), kMaxNpyPrefixBytes));
    NpyHeader const header = parse_npy_header(std::as_bytes(prefix), "array");
    promise(header.payload_offset <= prefix.size(), "the voxels start behind the header");
    promise(header.payload_bytes ==
                static_cast<std::uint64_t>(element_count(header.shape)) * item_size_bytes(header.type),
            "the payload's size is the shape's");
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    return ctclip::read_or_refuse([&] { ctclip::parse_header({data, size}); });
}
