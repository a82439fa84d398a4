// A volume's .npz: zip directory, deflate, .npy header, voxels to fp16.
#include "fuzz/fuzz_target.hpp"
#include "npz/half_volume.hpp"
#include "npz/npz_reader.hpp"

namespace ctclip {
namespace {

void read_volume(std::span<std::uint8_t const> bytes) {
    static MemoryFile file;
    static NpzReader reader(NpzLimits{.max_array_bytes = 1U << 20});
    NpzArray const& array = reader.read(file.hold(bytes));
    auto const num_voxels = static_cast<std::size_t>(element_count(array.shape));
    promise(array.shape.size() == 3 && num_voxels >= 1, "a volume has three axes and at least one voxel");
    promise(array.bytes().size() == num_voxels * item_size_bytes(array.type), "every voxel is there");
    std::vector<std::uint16_t> halves(num_voxels);
    HalfStatistics const statistics = convert_to_half(array, halves);
    promise(statistics.first_not_finite.has_value() == (statistics.num_nan + statistics.num_out_of_range > 0),
            "voxels that fp16 cannot hold are counted");
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    return ctclip::read_or_refuse([&] { ctclip::read_volume({data, size}); });
}
