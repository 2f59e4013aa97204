#include <luban/recommend/detail/hypervolume_kernel.hpp>

#include <luban/recommend/detail/smooth.hpp>

namespace luban::recommend::detail {

FatLength fat_length(double x, double temperature) {
  const Smooth length = fat_softplus(x, temperature);
  return {length.value, length.slope / length.value};
}

void sum_boxes(surrogate::SimdLevel level, HypervolumeSample& sample, const double* blocks, std::size_t count,
               bool gradients, std::size_t only) {
#ifdef LUBAN_KERNEL_AVX2
  if (level != surrogate::SimdLevel::baseline) {  // what runs AVX-512 runs AVX2, and wider vectors gained nothing
    sum_boxes_avx2(sample, blocks, count, gradients, only);
    return;
  }
#else
  static_cast<void>(level);
#endif
  sum_boxes_baseline(sample, blocks, count, gradients, only);
}

}  // namespace luban::recommend::detail
