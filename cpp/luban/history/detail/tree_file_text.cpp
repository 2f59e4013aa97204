#include <algorithm>
#include <cstring>
#include <luban/core/error.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <memory>

namespace luban::history::detail {
namespace {

/// Texts that are read at a time: bounds the memory that the library fills, and how long the lock is held.
constexpr std::size_t window = block_rows / 2;

/// Memory for the texts of one window. The library asks once per text; freeing is one step for all.
class TextMemory {
 public:
  /// Heaps are not compressed and each text has its place there: more than the file holds is no honest request.
  explicit TextMemory(std::size_t file_size) : most_(2 * file_size + 4 * block) {}
  static void* allocate(std::size_t size, void* self) { return static_cast<TextMemory*>(self)->take(size); }
  static void free(void*, void*) {}

 private:
  static constexpr std::size_t block = std::size_t{1} << 18;
  void* take(std::size_t size) {
    size = (size + 7) / 8 * 8;
    if (size > most_ - std::min(total_, most_)) return nullptr;  // a length that no text has: the library reports it
    if (size > left_) {
      left_ = std::max(block, size);
      blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
      next_ = blocks_.back().get();
      total_ += left_;
    }
    void* const given = next_;
    next_ += size;
    left_ -= size;
    return given;
  }
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t total_ = 0;
  std::size_t most_;
};

}  // namespace

std::vector<std::string> TreeFile::read_variable_text(const std::string& object, std::size_t begin,
                                                      std::size_t end) const {
  std::vector<std::string> texts(end - begin);
  std::vector<char*> raw(std::min(window, texts.size()));
  for (std::size_t first = 0; first < texts.size(); first += raw.size()) {
    const hsize_t start = begin + first;
    const hsize_t count = std::min(raw.size(), texts.size() - first);
    TextMemory memory(file_size_);
    {
      const Hdf5Lock lock;
      const Hdf5Place place{"history.read", path_, object};
      const hid_t dataset = handles_.get(lock, file_.id(), place);
      const Handle type(checked(H5Dget_type(dataset), "H5Dget_type", place), &H5Tclose);
      const Handle space(checked(H5Dget_space(dataset), "H5Dget_space", place), &H5Sclose);
      checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr), "H5Sselect_hyperslab",
              place);
      const Handle rows(checked(H5Screate_simple(1, &count, nullptr), "H5Screate_simple", place), &H5Sclose);
      const Handle transfer(checked(H5Pcreate(H5P_DATASET_XFER), "H5Pcreate", place), &H5Pclose);
      checked(H5Pset_vlen_mem_manager(transfer.id(), &TextMemory::allocate, &memory, &TextMemory::free, &memory),
              "H5Pset_vlen_mem_manager", place);
      std::fill(raw.begin(), raw.end(), nullptr);
      checked(H5Dread(dataset, type.id(), rows.id(), space.id(), transfer.id(), raw.data()), "H5Dread", place);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (raw[i] != nullptr) texts[first + i] = raw[i];
    }
  }
  return texts;
}

}  // namespace luban::history::detail
