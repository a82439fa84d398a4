#include "train/tensorboard_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>

#include "base/crc32c.hpp"
#include "base/error.hpp"
#include "base/machine.hpp"

namespace ctclip {
namespace {

/// CRC-32C rotated and offset, as the TFRecord format wants it.
std::uint32_t masked_crc32c(std::string_view bytes) {
    std::uint32_t const crc = crc32c(std::as_bytes(std::span(bytes)));
    return std::rotr(crc, 15) + 0xa282ead8U;
}

template <class T>
void append_little_endian(std::string& out, T value) {
    out.append(reinterpret_cast<char const*>(&value), sizeof value);
}

// Protobuf wire format: key = field number << 3 | wire type.
constexpr char key(int field, int wire_type) {
    return static_cast<char>(field << 3 | wire_type);
}
constexpr int kVarint = 0;
constexpr int kFixed64 = 1;
constexpr int kBytes = 2;
constexpr int kFixed32 = 5;

void append_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

void append_bytes_field(std::string& out, int field, std::string_view bytes) {
    out += key(field, kBytes);
    append_varint(out, bytes.size());
    out += bytes;
}

std::string event_head() {
    std::string event;
    event += key(1, kFixed64);  // Event.wall_time
    append_little_endian(
        event, std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
    return event;
}

std::string event_head(std::int64_t step) {
    std::string event = event_head();
    event += key(2, kVarint);  // Event.step
    append_varint(event, static_cast<std::uint64_t>(step));
    return event;
}

constexpr std::string_view kFilePrefix = "events.out.tfevents.";

/// Later than every file of the folder: two starts within a second, or hosts whose clocks differ, must not change the
/// order in which TensorBoard reads.
std::int64_t next_second(std::filesystem::path const& folder) {
    std::int64_t next =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        std::string const name = entry.path().filename().string();
        std::int64_t second = 0;
        if (name.starts_with(kFilePrefix)) {
            std::from_chars(name.data() + kFilePrefix.size(), name.data() + name.size(), second);
        }
        next = std::max(next, second + 1);
    }
    return next;
}

std::filesystem::path event_path(std::filesystem::path const& folder) {
    return folder / fmt::format("{}{}.{}.{}", kFilePrefix, next_second(folder), host_name(), ::getpid());
}

}  // namespace

TensorboardWriter::TensorboardWriter(std::filesystem::path const& folder, std::int64_t first_step)
    : path_(event_path(folder)) {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!file_) {
        fail_errno(ExitCode::kCannotCreate, "cannot create " + path_.string(), errno);
    }
    std::string event = event_head();
    append_bytes_field(event, 3, "brain.Event:2");  // Event.file_version
    append_record(event);
    std::string start = event_head(first_step);
    append_bytes_field(start, 7, std::string{key(1, kVarint), 1});  // Event.session_log: status START
    append_record(start);
}

void TensorboardWriter::write_scalars(std::int64_t step,
                                      std::vector<std::pair<std::string, double>> const& tags_and_values) {
    std::string summary;
    for (auto const& [tag, value] : tags_and_values) {
        std::string entry;
        append_bytes_field(entry, 1, tag);  // Summary.Value.tag
        entry += key(2, kFixed32);          // Summary.Value.simple_value
        append_little_endian(entry, static_cast<float>(value));
        append_bytes_field(summary, 1, entry);  // Summary.value
    }
    std::string event = event_head(step);
    append_bytes_field(event, 5, summary);  // Event.summary
    append_record(event);
}

void TensorboardWriter::append_record(std::string_view event) {
    std::string record;
    append_little_endian(record, static_cast<std::uint64_t>(event.size()));
    append_little_endian(record, masked_crc32c(record));
    record += event;
    append_little_endian(record, masked_crc32c(event));
    append_all(file_, path_, record);
}

}  // namespace ctclip
