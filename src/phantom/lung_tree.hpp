/// Bronchi and pulmonary vessels: branching trees from the hilum to points spread over the lung.
#pragma once

#include <vector>

#include "phantom/random_stream.hpp"
#include "phantom/scene.hpp"
#include "phantom/shapes.hpp"

namespace ctclip {

/// Splits the targets between branches until each has its own twig; a branch's radius grows with the number
/// of targets behind it (as Murray's law has it). Parents come before children.
std::vector<Capsule> grow_tree(RandomStream& random, Vec3 root, std::vector<Vec3> const& targets,
                               float twig_radius_mm, float root_radius_mm);

/// The bronchi of one side, hilum outwards: the same for every caller of one study.
std::vector<Capsule> bronchial_tree(Thorax const& thorax, std::uint64_t seed, Side side);

void add_pulmonary_vessels(Scene& scene);
/// @param extra_wall_mm  0 in health.
void add_bronchi(Scene& scene, float extra_wall_mm);

}  // namespace ctclip
