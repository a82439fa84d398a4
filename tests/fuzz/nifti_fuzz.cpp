// A volume's .nii: header, orientation, scaling, voxels. Every input is read as it is, and once more as a .nii.gz of
// two gzip members, so that damage reaches what lies behind the checksum.
#include <libdeflate.h>

#include <memory>
#include <vector>

#include "fuzz/fuzz_target.hpp"
#include "nifti/nifti_reader.hpp"

namespace ctclip {
namespace {

void read_volume(std::span<std::uint8_t const> bytes) {
    static MemoryFile file;
    static NiftiReader reader(NpzLimits{.max_array_bytes = 1U << 20});
    NpzArray const& array = reader.read(file.hold(bytes));
    auto const num_voxels = static_cast<std::size_t>(element_count(array.shape));
    promise(array.shape.size() == 3 && num_voxels >= 1, "a volume has three axes and at least one voxel");
    promise(array.bytes().size() == num_voxels * item_size_bytes(array.type), "every voxel is there");
    for (NiftiAxis const& axis : reader.header().axes) {
        promise(axis.spacing_mm > 0.0, "voxels have a size");
    }
    promise(reader.header().orientation.size() == 3, "every axis runs to a side");
}

void append_member(std::span<std::uint8_t const> content, std::vector<std::uint8_t>& members) {
    static std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> const compressor(
        libdeflate_alloc_compressor(1), &libdeflate_free_compressor);
    std::size_t const start = members.size();
    members.resize(start + libdeflate_gzip_compress_bound(compressor.get(), content.size()));
    members.resize(start + libdeflate_gzip_compress(compressor.get(), content.data(), content.size(),
                                                    members.data() + start, members.size() - start));
}

std::vector<std::uint8_t> compressed(std::span<std::uint8_t const> bytes) {
    std::vector<std::uint8_t> members;
    append_member(bytes.first(bytes.size() / 3), members);
    append_member(bytes.subspan(bytes.size() / 3), members);
    return members;
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    ctclip::read_or_refuse([&] { ctclip::read_volume({data, size}); });
    return ctclip::read_or_refuse([&] { ctclip::read_volume(ctclip::compressed({data, size})); });
}
