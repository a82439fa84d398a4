#include "shard/sample.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.hpp"
#include "base/untrusted_json.hpp"
#include "base/utf8.hpp"
#include "shard/python_json.hpp"
#include "study/spacing.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "members are little-endian and copied as they are");

constexpr char const* kSlope = "RescaleSlope";
constexpr char const* kIntercept = "RescaleIntercept";
constexpr char const* kXySpacing = "XYSpacing";
constexpr char const* kZSpacing = "ZSpacing";

std::string encode_shape(VolumeShape const& shape) {
    return fmt::format("[{}, {}, {}]", shape[0], shape[1], shape[2]);
}

/// Typed access to the object, with messages that name member and field.
class Fields {
  public:
    Fields(json const& object, std::string const& where) : object_(object), where_(where) {
        require(object.is_object(), ExitCode::kBadInput, "{} is not a JSON object", where);
    }

    bool has(char const* name) const { return object_.contains(name); }

    json const& at(char const* name) const {
        require(has(name), ExitCode::kBadInput, "{} has no {}", where_, name);
        return object_[name];
    }

    std::string text(char const* name) const {
        json const& value = at(name);
        require(value.is_string(), ExitCode::kBadInput, "{}: {} is not a text", where_, name);
        return value.get<std::string>();
    }

    double number(char const* name) const {
        json const& value = at(name);
        require(value.is_number(), ExitCode::kBadInput, "{}: {} is {}, not a number", where_, name,
                value.dump());
        return value.get<double>();
    }

    VolumeShape shape(char const* name) const {
        json const& value = at(name);
        bool is_sound = value.is_array() && value.size() == 3;
        VolumeShape shape{};
        for (std::size_t axis = 0; is_sound && axis < 3; ++axis) {
            is_sound = value[axis].is_number_unsigned() && value[axis] > 0 && value[axis] <= INT32_MAX;
            shape[axis] = is_sound ? value[axis].get<std::int64_t>() : 0;
        }
        // In double, the product cannot overflow.
        double const product =
            static_cast<double>(shape[0]) * static_cast<double>(shape[1]) * static_cast<double>(shape[2]);
        require(is_sound && product <= static_cast<double>(kMaxVoxels), ExitCode::kBadInput,
                "{}: {} is {}, not three sizes >= 1 of a volume of at most 2^40 voxels", where_, name,
                value.dump().substr(0, 100));
        return shape;
    }

  private:
    json const& object_;
    std::string const& where_;
};

/// Python reads the spacing as str(value): a list or a number serves as well as the usual text.
std::string spacing_text(json const& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (value.is_number_integer()) {
        return value.dump();
    }
    if (value.is_number()) {
        return python_number(value.get<double>());
    }
    if (value.is_array() && !value.empty() && value[0].is_number()) {
        std::string text = "[";
        for (json const& element : value) {
            text += (text.size() > 1 ? ", " : "") + spacing_text(element);
        }
        return text + "]";
    }
    return "";
}

void read_raw_fields(Fields const& fields, std::string const& where, SampleMetadata& metadata) {
    metadata.rescale_slope = fields.number(kSlope);
    metadata.rescale_intercept = fields.number(kIntercept);
    metadata.xy_spacing = spacing_text(fields.at(kXySpacing));
    metadata.z_spacing_mm = fields.number(kZSpacing);
    require(std::isfinite(metadata.rescale_slope) && metadata.rescale_slope != 0.0, ExitCode::kBadInput,
            "{}: RescaleSlope is {} (every voxel would have one value)", where, metadata.rescale_slope);
    require(std::isfinite(metadata.rescale_intercept), ExitCode::kBadInput,
            "{}: RescaleIntercept is not finite", where);
    auto const xy_spacing_mm = parse_xy_spacing_mm(metadata.xy_spacing);
    require(xy_spacing_mm && std::isfinite(*xy_spacing_mm) && *xy_spacing_mm > 0.0, ExitCode::kBadInput,
            "{}: XYSpacing {} is no positive number of mm", where, python_string(metadata.xy_spacing));
    metadata.xy_spacing_mm = *xy_spacing_mm;
    require(std::isfinite(metadata.z_spacing_mm) && metadata.z_spacing_mm > 0.0, ExitCode::kBadInput,
            "{}: ZSpacing is {}, not a positive number of mm", where, metadata.z_spacing_mm);
}

}  // namespace

std::int64_t num_voxels(VolumeShape const& shape) {
    return shape[0] * shape[1] * shape[2];
}

std::string encode_metadata(SampleMetadata const& metadata) {
    std::string const shape = encode_shape(metadata.volume_shape);
    std::string const study_id = python_string(metadata.study_id);
    if (metadata.layout == VolumeLayout::kPreprocessed) {
        return fmt::format(R"({{"study_id": {}, "volume_shape": {}, "volume_dtype": "float16"}})", study_id,
                           shape);
    }
    return fmt::format(
        R"({{"study_id": {}, "RescaleSlope": {}, "RescaleIntercept": {}, "XYSpacing": {}, "ZSpacing": {}, )"
        R"("original_shape": {}, "volume_shape": {}, "volume_dtype": "float16"}})",
        study_id, python_number(metadata.rescale_slope), python_number(metadata.rescale_intercept),
        python_string(metadata.xy_spacing), python_number(metadata.z_spacing_mm), shape, shape);
}

SampleMetadata parse_metadata(std::string_view text, std::string const& where) {
    json const object = parse_untrusted_json(text, where);
    Fields const fields(object, where);
    bool const is_build_script = !fields.has("volume_shape") && fields.has("shape");
    std::string const dtype = fields.text(is_build_script ? "dtype" : "volume_dtype");
    require(dtype == "float16", ExitCode::kBadInput, "{}: the volume's dtype is {} (only float16 is read)",
            where, python_string(dtype));

    SampleMetadata metadata;
    metadata.study_id = fields.text("study_id");
    require(!metadata.study_id.empty(), ExitCode::kBadInput, "{}: study_id is empty", where);
    metadata.volume_shape = fields.shape(is_build_script ? "shape" : "volume_shape");
    metadata.may_lack_labels = is_build_script;
    bool const is_raw =
        fields.has(kSlope) || fields.has(kIntercept) || fields.has(kXySpacing) || fields.has(kZSpacing);
    metadata.layout = is_raw ? VolumeLayout::kRaw : VolumeLayout::kPreprocessed;
    if (is_raw) {
        read_raw_fields(fields, where, metadata);
    }
    return metadata;
}

std::vector<float> parse_labels(std::span<std::byte const> bytes, std::string const& where) {
    require(bytes.size() == kNumLabels * sizeof(float), ExitCode::kBadInput,
            "{} has {} bytes instead of {} ({} labels of 4 bytes)", where, bytes.size(),
            kNumLabels * sizeof(float), kNumLabels);
    std::vector<float> labels(kNumLabels);
    std::memcpy(labels.data(), bytes.data(), bytes.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
        require(labels[i] == 0.0F || labels[i] == 1.0F, ExitCode::kBadInput, "{}: label {} is {}, not 0 or 1",
                where, i, labels[i]);
    }
    return labels;
}

void check_report_text(std::string_view text, std::string const& where) {
    std::size_t const invalid = invalid_utf8_offset(text);
    require(invalid == text.npos, ExitCode::kBadInput, "{} is not UTF-8 at byte {}", where, invalid);
}

}  // namespace ctclip
