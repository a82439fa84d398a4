#include "phantom/lung_tree.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "phantom/tissue.hpp"

namespace ctclip {
namespace {

constexpr float kMurrayExponent = 2.7F;

class TreeGrower {
  public:
    TreeGrower(RandomStream& random, std::size_t num_targets, float twig_radius_mm, float root_radius_mm)
        : random_(random), twig_radius_mm_(twig_radius_mm) {
        float const murray = std::pow(static_cast<float>(num_targets), 1.0F / kMurrayExponent);
        scale_ = num_targets > 1 ? (root_radius_mm / twig_radius_mm - 1.0F) / (murray - 1.0F) : 0.0F;
    }

    void grow(Vec3 start, std::vector<Vec3> targets) {
        float const radius = radius_for(targets.size());
        if (targets.size() == 1) {
            branches_.push_back({start, targets.front(), radius, 0.6F * radius});
            return;
        }
        Vec3 const fork = start + (centre_of(targets) - start) * random_.uniform(0.3F, 0.5F);
        branches_.push_back({start, fork, radius, 0.9F * radius});
        auto const middle = split(targets, fork);
        grow(fork, {targets.begin(), middle});
        grow(fork, {middle, targets.end()});
    }

    std::vector<Capsule> take() && { return std::move(branches_); }

  private:
    float radius_for(std::size_t num_targets) const {
        float const murray = std::pow(static_cast<float>(num_targets), 1.0F / kMurrayExponent);
        return twig_radius_mm_ * (1.0F + scale_ * (murray - 1.0F));
    }

    static Vec3 centre_of(std::vector<Vec3> const& points) {
        Vec3 const sum = std::accumulate(points.begin(), points.end(), Vec3{});
        return sum * (1.0F / static_cast<float>(points.size()));
    }

    /// Halves the targets across the direction in which they spread most, seen from the fork.
    static std::vector<Vec3>::iterator split(std::vector<Vec3>& targets, Vec3 fork) {
        Vec3 const centre = centre_of(targets);
        Vec3 spread{1.0F, 0.7F, 0.4F};
        for (int iteration = 0; iteration < 6; ++iteration) {  // power iteration on the covariance
            Vec3 next;
            for (Vec3 const& target : targets) {
                Vec3 const offset = target - centre;
                next = next + offset * dot(offset, spread);
            }
            float const size = length(next);
            if (size < 1e-6F) {
                break;
            }
            spread = next * (1.0F / size);
        }
        auto const middle = targets.begin() + static_cast<std::ptrdiff_t>(targets.size() / 2);
        std::nth_element(targets.begin(), middle, targets.end(), [&](Vec3 const& a, Vec3 const& b) {
            return dot(a - fork, spread) < dot(b - fork, spread);
        });
        return middle;
    }

    RandomStream& random_;
    float twig_radius_mm_;
    float scale_;
    std::vector<Capsule> branches_;
};

std::vector<Vec3> spread_targets(Thorax const& thorax, RandomStream& random, Side side, std::size_t count,
                                 float margin_mm) {
    std::vector<Vec3> targets;
    for (std::size_t i = 0; i < count; ++i) {
        targets.push_back(thorax.point_in_lung(random, side, -118.0F, 118.0F, margin_mm));
    }
    return targets;
}

constexpr std::array<Side, 2> kSides = {Side::kRight, Side::kLeft};

}  // namespace

std::vector<Capsule> grow_tree(RandomStream& random, Vec3 root, std::vector<Vec3> const& targets,
                               float twig_radius_mm, float root_radius_mm) {
    TreeGrower grower(random, targets.size(), twig_radius_mm, root_radius_mm);
    grower.grow(root, targets);
    return std::move(grower).take();
}

std::vector<Capsule> bronchial_tree(Thorax const& thorax, std::uint64_t seed, Side side) {
    RandomStream random(seed, side == Side::kRight ? "right bronchi" : "left bronchi");
    std::vector<Vec3> const targets = spread_targets(thorax, random, side, 22, 24.0F);
    return grow_tree(random, thorax.hilum(side), targets, 1.5F, 5.2F);
}

void add_pulmonary_vessels(Scene& scene) {
    RandomStream random(scene.seed, "pulmonary vessels");
    for (Side const side : kSides) {
        Vec3 const hilum = scene.thorax.hilum(side);
        struct Tree {
            Vec3 root;
            std::size_t num_targets;
            float root_radius_mm;
        };
        Tree const artery{hilum + Vec3{0.0F, -6.0F, 4.0F}, 280, 7.5F};
        Tree const vein{hilum + Vec3{-8.0F * side_sign(side), -14.0F, -22.0F}, 200, 6.5F};
        for (Tree const& tree : {artery, vein}) {
            std::vector<Vec3> const targets =
                spread_targets(scene.thorax, random, side, tree.num_targets, 7.0F);
            for (Capsule const& branch : grow_tree(random, tree.root, targets, 1.0F, tree.root_radius_mm)) {
                scene.add(Stage::kLung, {.shape = branch, .hu = tissue::kBlood});
            }
        }
    }
}

void add_bronchi(Scene& scene, float extra_wall_mm) {
    std::vector<Solid> lumens;
    for (Side const side : kSides) {
        for (Capsule const& bronchus : bronchial_tree(scene.thorax, scene.seed, side)) {
            float const wall_mm = 0.8F + 0.12F * bronchus.from_radius_mm;
            Capsule outer = bronchus;
            outer.from_radius_mm += wall_mm + extra_wall_mm;
            outer.to_radius_mm += wall_mm + 0.8F * extra_wall_mm;
            scene.add(Stage::kLung, {.shape = outer, .hu = extra_wall_mm > 0.0F ? 10.0F : -60.0F});
            lumens.push_back({.shape = bronchus, .hu = tissue::kAir});
        }
    }
    for (Solid const& lumen : lumens) {  // after all walls, so that forks are open
        scene.add(Stage::kLung, lumen);
    }
}

}  // namespace ctclip
