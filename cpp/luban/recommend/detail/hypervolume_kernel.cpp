#include <luban/recommend/detail/hypervolume_kernel.hpp>

#include <cmath>

namespace luban::recommend::detail {

FatSoftplus fat_softplus(double x, double temperature) {
  const double t = x / temperature;
  const double r = 1.0 / (1.0 + t * t);
  const double fat = fat_tail * temperature * r;
  if (t < -softplus_range) return {fat, -2.0 * t * r / temperature};
  const double e = std::exp(-std::abs(t));
  const double value = std::fmax(x, 0.0) + temperature * std::log1p(e) + fat;
  const double sigmoid = t > 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
  return {value, (sigmoid - 2.0 * fat_tail * t * r * r) / value};
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
