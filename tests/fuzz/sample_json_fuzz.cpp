// The .json of a sample.
#include "fuzz/fuzz_target.hpp"
#include "shard/sample.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace ctclip;
    return read_or_refuse([&] {
        SampleMetadata const metadata = parse_metadata(as_text(data, size), "member");
        std::int64_t const count = num_voxels(metadata.volume_shape);
        promise(count >= 1 && count <= kMaxVoxels, "the volume's size is within bounds");
        promise(metadata.xy_spacing_mm > 0.0 && metadata.z_spacing_mm > 0.0, "spacings are positive");
        std::string const text = encode_metadata(metadata);
        promise(encode_metadata(parse_metadata(text, "member")) == text, "metadata reads back");
    });
}
