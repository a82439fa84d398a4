#include "checkpoint/checkpoint_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/error_context.hpp"
#include "base/file_descriptor.hpp"
#include "base/printable.hpp"
#include "checkpoint/hdf5_reader.hpp"
#include "checkpoint/hdf5_writer.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kReadBytes = std::size_t{4} << 20;
constexpr std::string_view kFormatName = "ctclip-checkpoint";

struct NamedGroup {
    char const* name;
    StateGroup TrainState::*member;
};
constexpr std::array kStateGroups = {
    NamedGroup{"/codebook", &TrainState::codebook}, NamedGroup{"/metrics", &TrainState::metrics},
    NamedGroup{"/rng", &TrainState::rng},           NamedGroup{"/sampler", &TrainState::sampler},
    NamedGroup{"/scaler", &TrainState::scaler},     NamedGroup{"/schedule", &TrainState::schedule}};

struct NamedTensors {
    char const* group;
    NamedArrays TrainState::*member;
};
constexpr NamedTensors kModel{"/model", &TrainState::model};
constexpr std::array kMoments = {NamedTensors{"/optimizer/exp_avg", &TrainState::exp_avg},
                                 NamedTensors{"/optimizer/exp_avg_sq", &TrainState::exp_avg_sq}};

// --- Writing
// ---------------------------------------------------------------------------------------------------------

void check_tensor_types(TrainState const& state) {
    for (auto const& [name, array] : state.model) {
        require(array.type == DType::kF32 || array.type == DType::kI64, ExitCode::kBadInput,
                "model tensor {} is {}; a checkpoint holds float32 masters and int64 constants", name,
                dtype_name(array.type));
    }
    for (auto const& [group, member] : kMoments) {
        for (auto const& [name, array] : state.*member) {
            require(array.type == DType::kF32, ExitCode::kBadInput, "{}/{} is {}; moments are float32", group,
                    name, dtype_name(array.type));
            auto const parameter = state.model.find(name);
            require(parameter != state.model.end() && parameter->second.shape == array.shape,
                    ExitCode::kBadInput, "{}/{} of shape {} has no model tensor of that name and shape",
                    group, name, to_string(array.shape));
        }
    }
}

void write_tensors(Hdf5ImageWriter& writer, std::string const& group, NamedArrays arrays) {
    writer.create_group(group);
    while (!arrays.empty()) {
        auto const node = arrays.extract(arrays.begin());  // freed at the end of this turn
        writer.write_array(group, node.key(), node.mapped());
    }
}

void write_info(Hdf5ImageWriter& writer, CheckpointInfo const& info) {
    std::pair<char const*, Scalar> const attributes[] = {{"format", std::string(kFormatName)},
                                                         {"format_version", kCheckpointFormatVersion},
                                                         {"step", info.step},
                                                         {"epoch", info.epoch},
                                                         {"precision", info.precision},
                                                         {"world_size", info.world_size},
                                                         {"num_threads", info.num_threads},
                                                         {"config", info.config},
                                                         {"software", info.software},
                                                         {"dataset_digest", info.dataset_digest}};
    for (auto const& [name, value] : attributes) {
        writer.write_scalar("/", name, value);
    }
}

// --- Reading
// ---------------------------------------------------------------------------------------------------------

CheckpointInfo read_info(Hdf5Reader const& reader) {
    StateGroup const root{reader.read_scalars("/"), {}};
    require(root.text("format") == kFormatName && root.integer("format_version") == kCheckpointFormatVersion,
            ExitCode::kBadInput, "not a checkpoint of format {} inside ('{}', version {})", kCheckpointFormatVersion,
            root.text("format"), root.integer("format_version"));
    return {root.integer("step"),       root.integer("epoch"),       root.text("precision"),
            root.integer("world_size"), root.integer("num_threads"), root.text("config"),
            root.text("software"),      root.text("dataset_digest")};
}

void check_groups(Hdf5Reader const& reader, std::string const& group, std::set<std::string> const& expected,
                  std::string const& what) {
    auto const names = reader.group_names(group);
    require(std::set<std::string>(names.begin(), names.end()) == expected, ExitCode::kBadInput,
            "{}: the groups in {} are not those of checkpoint format {}", what, group,
            kCheckpointFormatVersion);
}

void check_no_arrays(Hdf5Reader const& reader, std::string const& group, std::string const& what) {
    auto const names = reader.array_names(group);
    require(names.empty(), ExitCode::kBadInput, "{}: {} holds an array '{}', which checkpoint format {} has not", what,
            group, names.empty() ? "" : printable(names.front()), kCheckpointFormatVersion);
}

/// Nothing is skipped without a word: every object of the file is one that is read.
void check_structure(Hdf5Reader const& reader, std::string const& what) {
    check_groups(reader, "/",
                 {"codebook", "metrics", "model", "optimizer", "rng", "sampler", "scaler", "schedule"}, what);
    check_groups(reader, "/optimizer", {"exp_avg", "exp_avg_sq"}, what);
    check_no_arrays(reader, "/", what);
    check_no_arrays(reader, "/optimizer", what);
    check_groups(reader, kModel.group, {}, what);
    for (auto const& [group, member] : kMoments) {
        check_groups(reader, group, {}, what);
    }
    for (auto const& [group, member] : kStateGroups) {
        check_groups(reader, group, {}, what);
    }
}

NamedArrays read_tensors(Hdf5Reader const& reader, std::string const& group) {
    NamedArrays arrays;
    for (std::string const& name : reader.array_names(group)) {
        arrays.emplace(name, reader.read_array(group, name));
    }
    return arrays;
}

StateGroup read_group(Hdf5Reader const& reader, std::string const& group) {
    return {reader.read_scalars(group), read_tensors(reader, group)};
}

std::string read_front(FileDescriptor const& file, std::filesystem::path const& path) {
    std::uint64_t const size = file_size_bytes(file, path);
    std::string text(std::min<std::uint64_t>(size, kEnvelopeBytes), '\0');
    read_exactly(file, path, 0, std::as_writable_bytes(std::span(text)));
    return text;
}

Envelope verify_digest(FileDescriptor const& file, std::filesystem::path const& path) {
    Envelope const envelope = parse_envelope(read_front(file, path), path.string());
    std::uint64_t const size = file_size_bytes(file, path);
    require(size - kEnvelopeBytes == envelope.hdf5_bytes, ExitCode::kBadInput,
            "{}: the HDF5 part has {} bytes, the envelope says {}", path.string(), size - kEnvelopeBytes,
            envelope.hdf5_bytes);
    Sha256 sha256;
    std::vector<std::byte> buffer(std::min<std::uint64_t>(kReadBytes, envelope.hdf5_bytes));
    for (std::uint64_t offset = kEnvelopeBytes; offset < size; offset += buffer.size()) {
        std::span<std::byte> const part(buffer.data(), std::min<std::uint64_t>(buffer.size(), size - offset));
        read_exactly(file, path, offset, part);
        sha256.update(part);
    }
    std::string const found = sha256.finish_hex();
    require(found == envelope.hdf5_sha256, ExitCode::kBadInput,
            "{}: damaged: SHA-256 of the HDF5 part is {}, the envelope says {}. Use the checkpoint before "
            "this one",
            path.string(), found, envelope.hdf5_sha256);
    return envelope;
}

}  // namespace

FileImage serialise_checkpoint(TrainState state) {
    check_tensor_types(state);
    Hdf5ImageWriter writer(kEnvelopeBytes);
    write_info(writer, state.info);
    for (auto const& [name, member] : kStateGroups) {
        write_tensors(writer, name, std::move((state.*member).arrays));
        for (auto const& [key, value] : (state.*member).scalars) {
            writer.write_scalar(name, key, value);
        }
    }
    write_tensors(writer, kModel.group, std::move(state.model));
    writer.create_group("/optimizer");
    for (auto const& [group, member] : kMoments) {
        write_tensors(writer, group, std::move(state.*member));
    }
    FileImage image = writer.finish();
    auto const hdf5_part = image.bytes().subspan(kEnvelopeBytes);
    std::string const envelope = render_envelope({hdf5_part.size(), sha256_hex(hdf5_part)});
    std::memcpy(image.bytes().data(), envelope.data(), kEnvelopeBytes);
    return image;
}

void write_checkpoint(std::filesystem::path const& path, TrainState state, IfExists if_exists) {
    DurableFile file(path, if_exists);  // first: a folder that cannot be written to is found before the work
    FileImage const image = serialise_checkpoint(std::move(state));
    file.write(image.bytes());
    file.commit();
}

TrainState read_checkpoint(std::filesystem::path const& path, CheckpointParts parts) {
    FileDescriptor const file = open_for_reading(path);
    verify_digest(file, path);
    Hdf5Reader const reader(file, path);
    check_structure(reader, path.string());
    TrainState state;
    state.info = in_context(path.string(), [&] { return read_info(reader); });
    state.metrics = read_group(reader, "/metrics");
    if (parts != CheckpointParts::kInfo) {
        state.model = read_tensors(reader, kModel.group);
    }
    if (parts == CheckpointParts::kAll) {
        for (auto const& [name, member] : kStateGroups) {
            state.*member = read_group(reader, name);
        }
        for (auto const& [group, member] : kMoments) {
            state.*member = read_tensors(reader, group);
        }
        in_context(path.string(), [&] { check_tensor_types(state); });
    }
    return state;
}

Envelope verify_checkpoint_digest(std::filesystem::path const& path) {
    return verify_digest(open_for_reading(path), path);
}

void verify_checkpoint(std::filesystem::path const& path) {
    read_checkpoint(path, CheckpointParts::kInfo);
    FileDescriptor const file = open_for_reading(path);
    Hdf5Reader const reader(file, path);
    for (auto const& [group, member] : kStateGroups) {
        read_group(reader, group);
    }
    // Decoded, checked and dropped but for type and shape: a checkpoint may be larger than memory.
    TrainState shapes;
    auto const check_arrays = [&](NamedTensors const& tensors) {
        for (std::string const& name : reader.array_names(tensors.group)) {
            Array array = reader.read_array(tensors.group, name);
            (shapes.*tensors.member).emplace(name, Array{array.type, std::move(array.shape), {}});
        }
    };
    check_arrays(kModel);
    std::for_each(kMoments.begin(), kMoments.end(), check_arrays);
    in_context(path.string(), [&] { check_tensor_types(shapes); });
}

bool is_checkpoint(std::filesystem::path const& path) {
    return looks_like_envelope(read_front(open_for_reading(path), path));
}

}  // namespace ctclip
