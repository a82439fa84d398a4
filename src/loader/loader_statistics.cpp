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

StageTimes StageTimes::operator-(StageTimes const& earlier) const {
    return {read_s - earlier.read_s, preprocess_s - earlier.preprocess_s, text_s - earlier.text_s,
            num_samples - earlier.num_samples, bytes_read - earlier.bytes_read};
}

std::string_view StageTimes::slowest_stage() const {
    if (read_s >= preprocess_s && read_s >= text_s) {
        return "reading";
    }
    return preprocess_s >= text_s ? "preprocessing" : "tokenizing";
}

}  // namespace ctclip
