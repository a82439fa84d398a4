#include "loader/loader_statistics.hpp"

namespace ctclip {

StageTimes& StageTimes::operator+=(StageTimes const& other) {
    read_s += other.read_s;
    preprocess_s += other.preprocess_s;
    text_s += other.text_s;
    num_samples += other.num_samples;
    bytes_read += other.bytes_read;
    return *this;
}

std::string_view StageTimes::slowest_stage() const {
    if (read_s >= preprocess_s && read_s >= text_s) {
        return "reading";
    }
    return preprocess_s >= text_s ? "preprocessing" : "tokenizing";
}

}  // namespace ctclip
