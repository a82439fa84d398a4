#include "kernels/preprocess_emulation.hpp"

namespace ctclip {
namespace {

template <class Voxels>
void emulate(Voxels const& voxels, InputShape shape, void* input_zxy, InputType type) {
    switch (type) {
        case InputType::kFloat32:
            run_all_tiles(voxels, shape, static_cast<float*>(input_zxy));
            break;
        case InputType::kFloat16:
            run_all_tiles(voxels, shape, static_cast<HalfElement*>(input_zxy));
            break;
        case InputType::kBFloat16:
            run_all_tiles(voxels, shape, static_cast<BFloat16Element*>(input_zxy));
            break;
    }
}

}  // namespace

void emulate_preprocess(PreprocessRecipe const& recipe, std::uint16_t const* raw_xyz, void* input_zxy,
                        InputType type) {
    emulate(RawVoxels{recipe, raw_xyz}, InputShape::of(recipe.geometry), input_zxy, type);
}

void emulate_widen_stored(InputShape shape, std::uint16_t const* stored_xyz, void* input_zxy,
                          InputType type) {
    emulate(StoredVoxels{shape, stored_xyz}, shape, input_zxy, type);
}

}  // namespace ctclip
