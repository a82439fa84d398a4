#include "phantom/stored_volume.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>

namespace ctclip {
namespace {

/// Slices rendered before they are stored: C order then gets runs of neighbouring z, not single voxels.
constexpr std::size_t kSlabSlices = 16;

template <class T>
class SlabStore {
  public:
    explicit SlabStore(StoredVolume& volume)
        : volume_(volume), voxels_(reinterpret_cast<T*>(volume.bytes.data())) {}

    /// @param slab  `num_slices` rendered slices, HU, x fastest.
    void store(std::vector<float> const& slab, std::size_t first_z, std::size_t num_slices) {
        if (volume_.order == ArrayOrder::kFortran) {
            std::size_t const slice_voxels = volume_.grid.num_x * volume_.grid.num_y;
            T* const out = voxels_ + first_z * slice_voxels;
            std::transform(slab.begin(),
                           slab.begin() + static_cast<std::ptrdiff_t>(num_slices * slice_voxels), out,
                           [&](float hu) { return to_voxel(hu); });
            return;
        }
        ScanGrid const& grid = volume_.grid;
        for (std::size_t x = 0; x < grid.num_x; ++x) {
            for (std::size_t y = 0; y < grid.num_y; ++y) {
                T* const out = voxels_ + (x * grid.num_y + y) * grid.num_z + first_z;
                float const* const in = slab.data() + y * grid.num_x + x;
                for (std::size_t z = 0; z < num_slices; ++z) {
                    out[z] = to_voxel(in[z * grid.num_x * grid.num_y]);
                }
            }
        }
    }

  private:
    T to_voxel(float hu) const {
        return static_cast<T>(std::nearbyint((static_cast<double>(hu) - volume_.intercept) / volume_.slope));
    }

    StoredVolume& volume_;
    T* voxels_;
};

template <class T>
void render_into(StoredVolume& volume, Scene const& scene, ScannerTraits const& scanner,
                 std::size_t num_threads) {
    std::atomic<std::size_t> next_slab = 0;
    std::size_t const num_slabs = (volume.grid.num_z + kSlabSlices - 1) / kSlabSlices;
    auto const work = [&] {
        SliceRenderer renderer(scene, volume.grid, scanner);
        SlabStore<T> store(volume);
        std::size_t const slice_voxels = volume.grid.num_x * volume.grid.num_y;
        std::vector<float> slab(kSlabSlices * slice_voxels);
        for (std::size_t index = next_slab++; index < num_slabs; index = next_slab++) {
            std::size_t const first_z = index * kSlabSlices;
            std::size_t const num_slices = std::min(kSlabSlices, volume.grid.num_z - first_z);
            for (std::size_t k = 0; k < num_slices; ++k) {
                renderer.render(first_z + k, std::span(slab).subspan(k * slice_voxels, slice_voxels));
            }
            store.store(slab, first_z, num_slices);
        }
    };
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(num_threads, num_slabs); ++i) {
        helpers.emplace_back(work);
    }
    work();
}

template <class T>
float voxel_at(std::vector<std::byte> const& bytes, std::size_t index) {
    T voxel;
    std::memcpy(&voxel, bytes.data() + index * sizeof(T), sizeof(T));
    return static_cast<float>(voxel);
}

}  // namespace

Shape StoredVolume::shape() const {
    return {static_cast<std::int64_t>(grid.num_x), static_cast<std::int64_t>(grid.num_y),
            static_cast<std::int64_t>(grid.num_z)};
}

float StoredVolume::hu(std::size_t x, std::size_t y, std::size_t z) const {
    std::size_t const index = order == ArrayOrder::kFortran ? (z * grid.num_y + y) * grid.num_x + x
                                                            : (x * grid.num_y + y) * grid.num_z + z;
    float const voxel = dtype == DType::kF64   ? voxel_at<double>(bytes, index)
                        : dtype == DType::kF32 ? voxel_at<float>(bytes, index)
                                               : voxel_at<std::int16_t>(bytes, index);
    return static_cast<float>(slope) * voxel + static_cast<float>(intercept);
}

StoredVolume make_volume(PhantomStudy const& study, PhantomOptions const& options, std::size_t num_threads) {
    StoredVolume volume;
    volume.dtype = options.dtype;
    volume.order = options.order;
    volume.grid = study.grid;
    if (options.units == StoredUnits::kScanner) {
        volume.slope = study.rescale_slope;
        volume.intercept = study.rescale_intercept;
    }
    volume.bytes.resize(static_cast<std::size_t>(element_count(volume.shape())) *
                        item_size_bytes(volume.dtype));
    Scene const scene = scene_of(study, options.severity);
    switch (volume.dtype) {
        case DType::kF64:
            render_into<double>(volume, scene, study.scanner, num_threads);
            break;
        case DType::kF32:
            render_into<float>(volume, scene, study.scanner, num_threads);
            break;
        default:
            render_into<std::int16_t>(volume, scene, study.scanner, num_threads);
    }
    return volume;
}

}  // namespace ctclip
