import httpx

# Get all available models
response = httpx.get("http://localhost:4080/v1/benchmarks/models")
models = response.json()["models"]

# Get estimate for specific workload
response = httpx.get(
    "http://localhost:4080/v1/benchmarks/estimate",
    params={"model": "gemma3:4b", "num_requests": 50000}
)
estimate = response.json()

print(f"Estimated time: {estimate['estimate']['total_time_hours']:.1f} hours")

# Compare all models
response = httpx.get(
    "http://localhost:4080/v1/benchmarks/compare",
    params={"num_requests": 200000}
)
comparison = response.json()

# Choose fastest model
fastest = comparison["models"][0]
print(f"Fastest model: {fastest['model']} ({fastest['estimated_time_hours']:.1f} hours)")
