/// One function per abnormality: what it adds to a healthy scene. `severity` as in make_scene.
#pragma once

#include "phantom/scene.hpp"

namespace ctclip {

void add_medical_material(Scene& scene, float severity);
void add_arterial_calcification(Scene& scene, float severity);
/// Cardiomegaly is no solid: how much larger than a normal heart.
float enlarged_heart_scale(std::uint64_t study_seed, float severity);
void add_pericardial_effusion(Scene& scene, float severity);
void add_coronary_calcification(Scene& scene, float severity);
void add_hiatal_hernia(Scene& scene, float severity);
void add_lymphadenopathy(Scene& scene, float severity);

void add_emphysema(Scene& scene, float severity);
void add_atelectasis(Scene& scene, float severity);
void add_lung_nodules(Scene& scene, float severity);
void add_lung_opacity(Scene& scene, float severity);
void add_fibrotic_sequela(Scene& scene, float severity);
void add_pleural_effusion(Scene& scene, float severity);
void add_mosaic_attenuation(Scene& scene, float severity);
void add_consolidation(Scene& scene, float severity);
void add_bronchiectasis(Scene& scene, float severity);
void add_septal_thickening(Scene& scene, float severity);
/// Peribronchial thickening is a property of the bronchi: how much is added to their walls.
float thickened_bronchial_wall_mm(std::uint64_t study_seed, float severity);

}  // namespace ctclip
