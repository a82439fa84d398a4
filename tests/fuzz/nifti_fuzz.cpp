// A volume's .nii: header, orientation, scaling, voxels.
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

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    return ctclip::read_or_refuse([&] { ctclip::read_volume({data, size}); });
}
