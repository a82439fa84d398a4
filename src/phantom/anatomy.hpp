/// The solids of a healthy chest.
#pragma once

#include "phantom/scene.hpp"

namespace ctclip {

void add_chest_wall(Scene& scene);
/// Heart, great vessels, trachea, oesophagus, organs below the diaphragm.
void add_mediastinum(Scene& scene);

/// Centre lines of the arterial wall, for what sits on it.
Capsule aortic_arch_part(int part);  ///< part in [0, kNumAorticParts)
inline constexpr int kNumAorticParts = 5;

}  // namespace ctclip
