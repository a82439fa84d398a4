#include "shard/sidecar.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/json_number.hpp"
#include "base/untrusted_json.hpp"

namespace ctclip {
namespace {

using json = nlohmann::json;
using nlohmann::ordered_json;

constexpr char const* kSchema = "ctclip.shard_index/2";
constexpr std::uint64_t kMaxSidecarBytes = std::uint64_t{256} << 20;

std::string crc_text(std::uint32_t crc) {
    return fmt::format("{:08x}", crc);
}

std::uint32_t parse_crc(std::string const& text, std::string const& where) {
    std::uint32_t crc = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), crc, 16);
    require(text.size() == 8 && error == std::errc{} && end == text.data() + 8, ExitCode::kBadInput,
            "{}: a crc32c is not eight hexadecimal digits", where);
    return crc;
}

DType parse_dtype(std::string const& name, std::string const& where) {
    for (DType const type : {DType::kF64, DType::kF32, DType::kF16, DType::kI32, DType::kI16, DType::kI8,
                             DType::kU16, DType::kU8}) {
        if (dtype_name(type) == name) {
            return type;
        }
    }
    fail(ExitCode::kBadInput, "{}: unknown dtype in a source record", where);
}

double number_or_infinity(json const& value) {
    if (value.is_string()) {
        return value.get<std::string>().starts_with('-') ? -INFINITY : INFINITY;
    }
    return value.get<double>();
}

ordered_json encode_source(ConversionRecord const& record) {
    ordered_json source = {{"path", record.source_path},
                           {"size", record.source_size_bytes},
                           {"crc32c", crc_text(record.source_crc32c)},
                           {"npz_key", record.npz_key},
                           {"dtype", dtype_name(record.source_type)},
                           {"shape", record.source_shape},
                           {"fortran_order", record.is_fortran_order},
                           {"big_endian", record.is_big_endian}};
    if (record.nifti) {
        source["nifti"] = {{"stored_dtype", dtype_name(record.nifti->stored_type)},
                           {"scl_slope", record.nifti->slope},
                           {"scl_inter", record.nifti->intercept},
                           {"orientation", record.nifti->orientation}};
    }
    return source;
}

ordered_json encode(ConversionRecord const& record) {
    HalfStatistics const& ledger = record.ledger;
    return {{"source", encode_source(record)},
            {"csv",
             {{"RescaleSlope", record.csv_rescale_slope},
              {"RescaleIntercept", record.csv_rescale_intercept},
              {"XYSpacing", record.csv_xy_spacing},
              {"ZSpacing", record.csv_z_spacing}}},
            {"rescale", record.rescale},
            {"ledger",
             {{"min", json_number_or_text(ledger.min)},
              {"max", json_number_or_text(ledger.max)},
              {"inexact_voxels", ledger.num_inexact},
              {"worst_abs_error", ledger.worst_abs_error},
              {"saturated_voxels", ledger.num_out_of_range},
              {"nan_voxels", ledger.num_nan}}}};
}

NiftiRecord parse_nifti(json const& object, std::string const& where) {
    return {parse_dtype(object.at("stored_dtype"), where), object.at("scl_slope"), object.at("scl_inter"),
            object.at("orientation")};
}

ConversionRecord parse_conversion(json const& object, std::string const& where) {
    ConversionRecord record;
    json const& source = object.at("source");
    source.at("path").get_to(record.source_path);
    source.at("size").get_to(record.source_size_bytes);
    record.source_crc32c = parse_crc(source.at("crc32c"), where);
    source.at("npz_key").get_to(record.npz_key);
    record.source_type = parse_dtype(source.at("dtype"), where);
    source.at("shape").get_to(record.source_shape);
    source.at("fortran_order").get_to(record.is_fortran_order);
    source.at("big_endian").get_to(record.is_big_endian);
    if (source.contains("nifti")) {
        record.nifti = parse_nifti(source["nifti"], where);
    }
    json const& csv = object.at("csv");
    csv.at("RescaleSlope").get_to(record.csv_rescale_slope);
    csv.at("RescaleIntercept").get_to(record.csv_rescale_intercept);
    csv.at("XYSpacing").get_to(record.csv_xy_spacing);
    csv.at("ZSpacing").get_to(record.csv_z_spacing);
    object.at("rescale").get_to(record.rescale);
    json const& ledger = object.at("ledger");
    record.ledger.min = number_or_infinity(ledger.at("min"));
    record.ledger.max = number_or_infinity(ledger.at("max"));
    ledger.at("inexact_voxels").get_to(record.ledger.num_inexact);
    ledger.at("worst_abs_error").get_to(record.ledger.worst_abs_error);
    ledger.at("saturated_voxels").get_to(record.ledger.num_out_of_range);
    ledger.at("nan_voxels").get_to(record.ledger.num_nan);
    return record;
}

ordered_json encode(SidecarSample const& sample) {
    ordered_json members = ordered_json::array();
    for (ShardMember const& member : sample.sample.members) {
        CTCLIP_EXPECT(member.crc32c.has_value());
        members.push_back({{"name", member.name},
                           {"suffix", member.suffix},
                           {"offset", member.data_offset},
                           {"size", member.size_bytes},
                           {"crc32c", crc_text(*member.crc32c)}});
    }
    ordered_json object = {
        {"key", sample.sample.key}, {"study_id", sample.study_id}, {"members", std::move(members)}};
    if (sample.conversion) {
        object.update(encode(*sample.conversion));
    }
    return object;
}

SidecarSample parse_sample(json const& object, std::string const& where) {
    SidecarSample sample;
    object.at("key").get_to(sample.sample.key);
    object.at("study_id").get_to(sample.study_id);
    for (json const& entry : object.at("members")) {
        ShardMember member;
        entry.at("name").get_to(member.name);
        entry.at("suffix").get_to(member.suffix);
        entry.at("offset").get_to(member.data_offset);
        entry.at("size").get_to(member.size_bytes);
        member.crc32c = parse_crc(entry.at("crc32c"), where);
        sample.sample.members.push_back(std::move(member));
    }
    if (object.contains("source")) {
        sample.conversion = parse_conversion(object, where);
    }
    return sample;
}

void require_members_inside(ShardSidecar const& sidecar, std::string const& where) {
    for (SidecarSample const& sample : sidecar.samples) {
        for (ShardMember const& member : sample.sample.members) {
            require(member.data_offset <= sidecar.size_bytes &&
                        member.size_bytes <= sidecar.size_bytes - member.data_offset,
                    ExitCode::kBadInput, "{}: a member lies outside the shard's {} bytes", where, sidecar.size_bytes);
        }
    }
}

ShardSidecar parse_sidecar(std::string_view text, std::string const& where) {
    ShardSidecar sidecar;
    json const object = parse_untrusted_json(text, where, {"samples", [&](json const& sample) {
        sidecar.samples.push_back(parse_sample(sample, where));
    }});
    require(
        object.at("schema") == kSchema, ExitCode::kBadInput,
        "{}: its schema is not {} (another version of ctclip wrote it, or something else). Convert again; or move it "
            "away and let ctclip-shard index make another (without a record of the conversion)",
            where, kSchema);
    object.at("shard").get_to(sidecar.shard_name);
    object.at("size").get_to(sidecar.size_bytes);
    object.at("fsverity_sha256").get_to(sidecar.fsverity_sha256);
    object.at("plan_sha256").get_to(sidecar.plan_sha256);
    require(object.at("samples") == json::array(), ExitCode::kBadInput, "{}: its samples are no array of objects",
            where);
    require_members_inside(sidecar, where);
    for (json const& entry : object.at("quarantined")) {
        sidecar.quarantined.push_back(
            {entry.at("key"), entry.at("study_id"), entry.at("source"), entry.at("reason")});
    }
    return sidecar;
}

}  // namespace

std::uint64_t ConversionRecord::source_array_bytes() const {
    return static_cast<std::uint64_t>(element_count(source_shape)) * item_size_bytes(source_type);
}

std::uint64_t ShardSidecar::payload_bytes() const {
    std::uint64_t total = 0;
    for (SidecarSample const& sample : samples) {
        for (ShardMember const& member : sample.sample.members) {
            total += member.size_bytes;
        }
    }
    return total;
}

std::filesystem::path sidecar_path(std::filesystem::path const& shard_path) {
    return std::filesystem::path(shard_path).replace_extension(".index.json");
}

std::string encode_sidecar(ShardSidecar const& sidecar) {
    ordered_json samples = ordered_json::array();
    for (SidecarSample const& sample : sidecar.samples) {
        samples.push_back(encode(sample));
    }
    ordered_json quarantined = ordered_json::array();
    for (QuarantineRecord const& record : sidecar.quarantined) {
        quarantined.push_back({{"key", record.key},
                               {"study_id", record.study_id},
                               {"source", record.source_path},
                               {"reason", record.reason}});
    }
    ordered_json const object = {{"schema", kSchema},
                                 {"shard", sidecar.shard_name},
                                 {"size", sidecar.size_bytes},
                                 {"fsverity_sha256", sidecar.fsverity_sha256},
                                 {"plan_sha256", sidecar.plan_sha256},
                                 {"samples", std::move(samples)},
                                 {"quarantined", std::move(quarantined)}};
    return object.dump(1) + "\n";
}

ShardSidecar decode_sidecar(std::string_view text, std::string const& where) {
    try {
        return parse_sidecar(text, where);
    } catch (json::exception const& error) {
        fail(ExitCode::kBadInput, "{} is no shard index ({})", where, error.what());
    }
}

ShardSidecar read_sidecar(std::filesystem::path const& shard_path) {
    std::filesystem::path const path = sidecar_path(shard_path);
    ShardSidecar sidecar = decode_sidecar(read_text_file(path, kMaxSidecarBytes), path.string());
    require(sidecar.shard_name == shard_path.filename().string(), ExitCode::kBadInput,
            "{} belongs to another shard", path.string());
    return sidecar;
}

}  // namespace ctclip
