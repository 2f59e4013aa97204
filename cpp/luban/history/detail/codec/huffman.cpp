#include <algorithm>
#include <cmath>
#include <cstring>
#include <luban/history/detail/codec/huffman.hpp>
#include <vector>

namespace luban::history::detail {
namespace {

/// Lengths without a limit, in the order of `symbols` (rarest first): two queues, leaves and inner nodes.
std::vector<int> free_lengths(const std::vector<std::size_t>& symbols, std::span<const std::uint32_t> counts) {
  const std::size_t leaves = symbols.size();
  std::vector<std::uint64_t> weight(2 * leaves - 1);
  std::vector<std::size_t> parent(2 * leaves - 1);
  for (std::size_t i = 0; i < leaves; ++i) weight[i] = counts[symbols[i]];
  std::size_t leaf = 0;
  std::size_t inner = leaves;
  for (std::size_t made = leaves; made < weight.size(); ++made) {
    for (int child = 0; child < 2; ++child) {
      const bool take_leaf = leaf < leaves && (inner >= made || weight[leaf] <= weight[inner]);
      const std::size_t node = take_leaf ? leaf++ : inner++;
      weight[made] += weight[node];
      parent[node] = made;
    }
  }
  std::vector<int> depth(weight.size());
  for (std::size_t node = weight.size() - 1; node-- > 0;) depth[node] = depth[parent[node]] + 1;
  depth.resize(leaves);
  return depth;
}

/// Cuts lengths at the limit, and makes the code complete again: the sum of 2^−length is 1.
void limit_lengths(std::vector<int>& lengths, int limit) {
  const auto share = [limit](int length) { return std::int64_t{1} << (limit - length); };
  const std::int64_t whole = std::int64_t{1} << limit;
  std::int64_t sum = 0;
  for (int& length : lengths) {
    length = std::min(length, limit);
    sum += share(length);
  }
  while (sum > whole) {  // the rarest of those that can become longer
    const auto longer = std::find_if(lengths.begin(), lengths.end(), [limit](int length) { return length < limit; });
    sum -= share(*longer) - share(*longer + 1);
    ++*longer;
  }
  for (std::size_t i = lengths.size(); sum < whole; i = lengths.size()) {  // the commonest that fits
    while (share(lengths[--i]) > whole - sum) {
    }
    sum += share(lengths[i]);
    --lengths[i];
  }
}

}  // namespace

ByteCounts count_bytes(std::span<const std::byte> bytes, std::size_t step) {
  constexpr std::size_t piece = 2048;
  std::array<ByteCounts, 4> lanes{};  // neighbours that are equal do not wait for each other
  const std::size_t length = step == 0 ? bytes.size() : std::min(piece, step);
  for (std::size_t begin = 0; begin < bytes.size(); begin += std::max(step, length)) {
    const std::size_t end = std::min(bytes.size(), begin + length);
    std::size_t i = begin;
    for (; i + 8 <= end; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, sizeof word);
#pragma GCC unroll 8
      for (std::size_t k = 0; k < 8; ++k) ++lanes[k % 4][(word >> (8 * k)) & 0xffU];
    }
    for (; i < end; ++i) ++lanes[0][std::to_integer<std::size_t>(bytes[i])];
  }
  ByteCounts counts{};
  for (const ByteCounts& lane : lanes) {
    for (std::size_t byte = 0; byte < counts.size(); ++byte) counts[byte] += lane[byte];
  }
  return counts;
}

double entropy(const ByteCounts& counts) {
  double total = 0;
  double sum = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    total += count;
    sum += count * std::log2(static_cast<double>(count));
  }
  return total == 0 ? 0 : std::log2(total) - sum / total;
}

CodeLengths code_lengths(std::span<const std::uint32_t> counts, int limit) {
  CodeLengths out(counts.size());
  std::vector<std::size_t> symbols;
  for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
    if (counts[symbol] > 0) symbols.push_back(symbol);
  }
  if (symbols.size() < 2) return out;
  std::stable_sort(symbols.begin(), symbols.end(), [&](auto a, auto b) { return counts[a] < counts[b]; });
  std::vector<int> lengths = free_lengths(symbols, counts);
  limit_lengths(lengths, limit);
  for (std::size_t i = 0; i < symbols.size(); ++i) out[symbols[i]] = static_cast<std::uint8_t>(lengths[i]);
  return out;
}

}  // namespace luban::history::detail
