#include "checkpoint/hdf5_writer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "checkpoint/hdf5_library.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kImageGrowthBytes = std::size_t{8} << 20;
/// "End of file address" (absolute) in a superblock of version 3: HDF5 File Format Specification 3.0, II.A.
constexpr std::size_t kEndOfFileOffset = 28;
constexpr hsize_t kChunkBytes = hsize_t{4} << 20;

// Memory of the `core` driver is a FileImage. HDF5 would free it at close; it is kept instead, which saves a copy of
// the whole file. No initial image is given, so that HDF5 never asks for a second buffer.

void* image_realloc(void*, std::size_t size, H5FD_file_image_op_t, void* image) noexcept {
    auto& memory = *static_cast<FileImage*>(image);
    return memory.resize(size) ? memory.bytes().data() : nullptr;
}
void* image_malloc(std::size_t size, H5FD_file_image_op_t op, void* image) noexcept {
    return image_realloc(nullptr, size, op, image);
}
void* image_memcpy(void* to, void const* from, std::size_t size, H5FD_file_image_op_t, void*) noexcept {
    return std::memcpy(to, from, size);
}
herr_t image_free(void*, H5FD_file_image_op_t op, void* image) noexcept {
    if (op != H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
        static_cast<FileImage*>(image)->clear();
    }
    return 0;
}
void* share_image(void* image) noexcept {
    return image;
}
herr_t keep_image(void*) noexcept {
    return 0;
}

/// Full trailing axes, leading ones cut into equal parts until a chunk is at most kChunkBytes.
std::vector<hsize_t> chunk_shape(std::vector<hsize_t> shape, hsize_t item_bytes) {
    hsize_t size = item_bytes;
    for (hsize_t const length : shape) {
        size *= length;
    }
    for (hsize_t& length : shape) {
        if (size <= kChunkBytes) {
            break;
        }
        hsize_t const row = size / length;
        hsize_t const most_rows = std::max<hsize_t>(kChunkBytes / row, 1);
        hsize_t const num_chunks = (length + most_rows - 1) / most_rows;
        length = (length + num_chunks - 1) / num_chunks;
        size = row * length;
    }
    return shape;
}

void check_object_name(std::string const& name) {
    bool const is_possible =
        !name.empty() && name != "." && name.find('/') == name.npos && name.find('\0') == name.npos;
    require(is_possible, ExitCode::kBadInput, "'{}' cannot be the name of an array in an HDF5 file", name);
}

}  // namespace

struct Hdf5ImageWriter::State {
    std::size_t user_block_bytes = 0;
    FileImage image;  // outlives the file
    FileId file;

    template <class Status>
    static Status checked(Status status, std::string_view call, std::string const& what) {
        return check_hdf5(status, call, "building an HDF5 file in memory: " + what, ExitCode::kTryAgain);
    }

    static PropertiesId properties(hid_t kind) {
        return PropertiesId(checked(H5Pcreate(kind), "H5Pcreate", ""));
    }

    PropertiesId in_memory_access() {
        H5FD_file_image_callbacks_t callbacks{image_malloc, image_memcpy, image_realloc, image_free,
                                              share_image,  keep_image,   &image};
        PropertiesId access = properties(H5P_FILE_ACCESS);
        checked(H5Pset_fapl_core(access.get(), kImageGrowthBytes, false), "H5Pset_fapl_core", "");
        checked(H5Pset_file_image_callbacks(access.get(), &callbacks), "H5Pset_file_image_callbacks", "");
        checked(H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST),
                "H5Pset_libver_bounds", "");
        return access;
    }

    GroupId open_group(std::string const& group) const {
        return GroupId(checked(H5Gopen2(file.get(), group.c_str(), H5P_DEFAULT), "H5Gopen", group));
    }
};

Hdf5ImageWriter::Hdf5ImageWriter(std::size_t user_block_bytes) : state_(std::make_unique<State>()) {
    Hdf5Turn const turn;
    state_->user_block_bytes = user_block_bytes;
    PropertiesId const creation = State::properties(H5P_FILE_CREATE);
    State::checked(H5Pset_userblock(creation.get(), user_block_bytes), "H5Pset_userblock", "");
    State::checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times", "");
    PropertiesId const access = state_->in_memory_access();
    state_->file = FileId(State::checked(H5Fcreate("checkpoint", H5F_ACC_TRUNC, creation.get(), access.get()),
                                         "H5Fcreate", ""));
}

Hdf5ImageWriter::Hdf5ImageWriter(Hdf5ImageWriter&&) noexcept = default;
Hdf5ImageWriter::~Hdf5ImageWriter() {
    Hdf5Turn const turn;
    state_.reset();
}

void Hdf5ImageWriter::create_group(std::string const& group) {
    Hdf5Turn const turn;
    PropertiesId const creation = State::properties(H5P_GROUP_CREATE);
    State::checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times", group);
    GroupId const id(State::checked(
        H5Gcreate2(state_->file.get(), group.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), "H5Gcreate",
        group));
}

void Hdf5ImageWriter::write_array(std::string const& group, std::string const& name, Array const& array) {
    Hdf5Turn const turn;
    check_object_name(name);
    std::string const what = group + "/" + name;
    auto const type = to_hdf5(array.type);
    require(type.has_value(), ExitCode::kBadInput, "{}: a checkpoint cannot hold {} arrays", what,
            dtype_name(array.type));
    auto const num_elements = static_cast<std::size_t>(element_count(array.shape));
    require(
        array.shape.size() <= kMaxHdf5Rank && array.bytes.size() == num_elements * item_size_bytes(array.type),
        ExitCode::kBadInput, "{}: {} bytes do not fit shape {}", what, array.bytes.size(),
        to_string(array.shape));

    std::vector<hsize_t> const shape(array.shape.begin(), array.shape.end());
    PropertiesId const creation = State::properties(H5P_DATASET_CREATE);
    State::checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times", what);
    if (shape.empty() || num_elements == 0) {
        State::checked(H5Pset_layout(creation.get(), H5D_COMPACT), "H5Pset_layout", what);
    } else {
        auto const chunk = chunk_shape(shape, item_size_bytes(array.type));
        State::checked(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()),
                       "H5Pset_chunk", what);
        State::checked(H5Pset_fletcher32(creation.get()), "H5Pset_fletcher32", what);
    }
    SpaceId const space(State::checked(
        shape.empty() ? H5Screate(H5S_SCALAR)
                      : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
        "H5Screate", what));
    GroupId const parent = state_->open_group(group);
    DatasetId const dataset(State::checked(
        H5Dcreate2(parent.get(), name.c_str(), *type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
        "H5Dcreate", what));
    if (num_elements > 0) {
        State::checked(H5Dwrite(dataset.get(), *type, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data()),
                       "H5Dwrite", what);
    }
}

void Hdf5ImageWriter::write_scalar(std::string const& group, std::string const& name, Scalar const& scalar) {
    Hdf5Turn const turn;
    std::string const what = group + "@" + name;
    GroupId const parent = state_->open_group(group);
    SpaceId const space(State::checked(H5Screate(H5S_SCALAR), "H5Screate", what));
    auto const write = [&](hid_t type, void const* value) {
        AttributeId const attribute(State::checked(
            H5Acreate2(parent.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), "H5Acreate",
            what));
        State::checked(H5Awrite(attribute.get(), type, value), "H5Awrite", what);
    };
    if (auto const* integer = std::get_if<std::int64_t>(&scalar)) {
        write(H5T_STD_I64LE, integer);
    } else if (auto const* real = std::get_if<double>(&scalar)) {
        write(H5T_IEEE_F64LE, real);
    } else {
        auto const& text = std::get<std::string>(scalar);
        require(text.find('\0') == text.npos, ExitCode::kBadInput, "{}: the text contains a NUL byte", what);
        TypeId const type(State::checked(H5Tcopy(H5T_C_S1), "H5Tcopy", what));
        State::checked(H5Tset_size(type.get(), H5T_VARIABLE), "H5Tset_size", what);
        State::checked(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset", what);
        char const* const data = text.c_str();
        write(type.get(), &data);
    }
}

FileImage Hdf5ImageWriter::finish() {
    Hdf5Turn const turn;
    State::checked(H5Fclose(state_->file.release()), "H5Fclose", "");
    // The driver's memory is rounded up and HDF5 gives back space at close: the superblock alone knows the
    // end.
    std::uint64_t size = 0;
    std::memcpy(&size, state_->image.bytes().data() + state_->user_block_bytes + kEndOfFileOffset, sizeof size);
    state_->image.resize(size);  // smaller: cannot fail
    return std::move(state_->image);
}

}  // namespace ctclip
