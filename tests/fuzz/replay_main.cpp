// main of the fuzz targets without libFuzzer: replays the corpus, then mutants of it. A pure function of the
// corpus, the seed and the number of executions, so that what it finds in ctest it finds again.
//
// usage: fuzz_<name> [--executions N] [--seed S] CORPUS...      (files or folders)
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/splitmix64.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMaxInputBytes = std::size_t{64} << 10;
constexpr char const* kLastInputName = "fuzz-last-input";

struct Options {
    std::uint64_t num_executions = 20000;
    std::uint64_t seed = 1;
    std::vector<fs::path> corpus;
};

std::uint64_t number_of(std::string_view text) {
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        throw std::invalid_argument(std::string(text) + " is no number");
    }
    return value;
}

Options parse(std::vector<std::string_view> const& words) {
    Options options;
    for (std::size_t i = 0; i < words.size(); ++i) {
        bool const is_option = words[i] == "--executions" || words[i] == "--seed";
        if (is_option && i + 1 < words.size()) {
            (words[i] == "--seed" ? options.seed : options.num_executions) = number_of(words[i + 1]);
            ++i;
        } else if (words[i].starts_with('-')) {
            throw std::invalid_argument("unknown option " + std::string(words[i]));
        } else {
            options.corpus.emplace_back(words[i]);
        }
    }
    return options;
}

Input read(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Input> read_corpus(std::vector<fs::path> const& places) {
    std::vector<fs::path> files;
    for (fs::path const& place : places) {
        if (fs::is_directory(place)) {
            for (auto const& entry : fs::recursive_directory_iterator(place)) {
                if (entry.is_regular_file()) {
                    files.push_back(entry.path());
                }
            }
        } else {
            files.push_back(place);
        }
    }
    std::ranges::sort(files);  // the order of a folder is the file system's whim
    std::vector<Input> inputs;
    for (fs::path const& path : files) {
        inputs.push_back(read(path));
        if (inputs.back().size() > kMaxInputBytes) {
            inputs.pop_back();
        }
    }
    return inputs;
}

class Mutator {
  public:
    Mutator(std::vector<Input> const& corpus, std::uint64_t seed) : corpus_(corpus), seed_(seed) {}

    Input mutant() {
        Input input = corpus_[below(corpus_.size())];
        for (std::uint64_t num_steps = 1 + below(5); num_steps > 0; --num_steps) {
            mutate(input);
        }
        return input;
    }

  private:
    std::uint64_t random() { return ctclip::splitmix64(seed_, count_++); }
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random() % limit; }

    void mutate(Input& input) {
        if (input.empty()) {
            input.push_back(static_cast<std::uint8_t>(random()));
            return;
        }
        std::size_t const at = below(input.size());
        auto const position = input.begin() + static_cast<std::ptrdiff_t>(at);
        switch (below(9)) {
            case 0:
                input[at] ^= static_cast<std::uint8_t>(1U << below(8));
                break;
            case 1:
                input[at] = static_cast<std::uint8_t>(random());
                break;
            case 2:
                overwrite_number(input, at);
                break;
            case 3:  // drop a run
                input.erase(position, position + static_cast<std::ptrdiff_t>(run_length(input, at)));
                break;
            case 4:  // double a run
                insert(input, below(input.size()),
                       Input(position, position + static_cast<std::ptrdiff_t>(run_length(input, at))));
                break;
            case 5:
                input.resize(at);
                break;
            case 6:
                insert(input, at, Input(1 + below(16), static_cast<std::uint8_t>(random())));
                break;
            case 7:
                splice(input, at);
                break;
            default:  // another digit, letter or mark of a text
                input[at] = static_cast<std::uint8_t>(kTextBytes[below(kTextBytes.size())]);
        }
    }

    std::size_t run_length(Input const& input, std::size_t at) {
        return std::min(input.size() - at, std::size_t{1} << below(11));
    }

    static void insert(Input& input, std::size_t at, Input const& bytes) {
        if (input.size() + bytes.size() <= kMaxInputBytes) {
            input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin(), bytes.end());
        }
    }

    /// Sizes and counts at which parsers break.
    void overwrite_number(Input& input, std::size_t at) {
        static constexpr std::array<std::uint64_t, 10> kNumbers{
            0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
        std::uint64_t const value = kNumbers[below(kNumbers.size())] - below(2);
        std::size_t const width = std::min(std::size_t{1} << below(4), input.size() - at);
        for (std::size_t i = 0; i < width; ++i) {
            input[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
        }
    }

    void splice(Input& input, std::size_t at) {
        Input const& other = corpus_[below(corpus_.size())];
        std::size_t const from = below(other.size());
        std::size_t const length =
            std::min({other.size() - from, input.size() - at, std::size_t{1} << below(12)});
        std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(from), length,
                    input.begin() + static_cast<std::ptrdiff_t>(at));
    }

    static constexpr std::string_view kTextBytes = "0129-+.eE,;:\"'\\{}[]()<> \t\r\n/nutf";

    std::vector<Input> const& corpus_;
    std::uint64_t seed_;
    std::uint64_t count_ = 0;
};

void write_input(Input const& input) {
    std::ofstream(kLastInputName, std::ios::binary)
        .write(reinterpret_cast<char const*>(input.data()), static_cast<std::streamsize>(input.size()));
}

/// @return false, with the input in a file, if the target lets an exception out.
bool run_one(Input const& input, std::uint64_t number) {
    try {
        LLVMFuzzerTestOneInput(input.data(), input.size());
        return true;
    } catch (std::exception const& error) {
        write_input(input);
        std::fprintf(stderr, "execution %llu: %s\nthe input is in %s\n",
                     static_cast<unsigned long long>(number), error.what(),
                     fs::absolute(kLastInputName).c_str());
        return false;
    }
}

int run(Options const& options) {
    std::vector<Input> const corpus = read_corpus(options.corpus);
    if (corpus.empty()) {
        std::fprintf(stderr, "there is no corpus\n");
        return 1;
    }
    std::uint64_t number = 0;
    for (Input const& input : corpus) {
        if (!run_one(input, number++)) {
            return 1;
        }
    }
    Mutator mutator(corpus, options.seed);
    while (number < options.num_executions) {
        if (!run_one(mutator.mutant(), number++)) {
            return 1;
        }
    }
    std::printf("%llu executions (%zu of them the corpus), seed %llu\n",
                static_cast<unsigned long long>(number), corpus.size(),
                static_cast<unsigned long long>(options.seed));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(parse({argv + 1, argv + argc}));
    } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 64;
    }
}
