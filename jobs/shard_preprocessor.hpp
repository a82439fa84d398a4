/// Layout `preprocessed` of the convert job: the loader's preprocessing, stored.
#pragma once

#include "convert/sample_converter.hpp"

namespace ctclip {

/// Raw volumes -> 480x480x240 fp16 voxels of 0.75x0.75x1.5 mm in [-1, 1], axes (x, y, z): clipped, then
/// resized. The float32 values are the loader's, rounded once to fp16. Its memory is reused; one thread at a
/// time.
VolumePreprocessor make_shard_preprocessor();

}  // namespace ctclip
