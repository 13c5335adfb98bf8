<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>Bottom</name>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>What was opened, edited and computed is written here.</source>
        <translation>打开、编辑和计算的内容都记录在这里。</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行记录</translation>
    </message>
    <message>
        <source>Worst samples</source>
        <translation>最差样本</translation>
    </message>
</context>
<context>
    <name>Candidates</name>
    <message>
        <source>Candidate</source>
        <translation>候选配置</translation>
    </message>
    <message>
        <source>SQNR</source>
        <translation>SQNR</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>KL</source>
        <translation>KL</translation>
    </message>
    <message>
        <source>What the layer could be; grey is what the target has no kernel for</source>
        <translation>该层可以采用的配置；灰色表示目标没有相应的核</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) at the model&apos;s output with this layer alone quantized, in nats. A lower one can come with a lower SQNR: that counts every error of the layer alike, KL only what reaches the answers; and small differences on few samples are chance</source>
        <translation>仅量化该层时模型输出处的 KL(fp32‖int8)，单位 nat。KL 更低时 SQNR 也可能更低：SQNR 对该层的每个误差一视同仁，KL 只计入影响到结果的部分；样本很少时，微小差异属于偶然</translation>
    </message>
    <message>
        <source>KL (nats)</source>
        <translation>KL（nat）</translation>
    </message>
    <message>
        <source>Run with all other layers in float, on 16 samples of the select split (64 of a small net); the shares in the table of layers are of the final split. Enter applies, Shift+Enter to all layers like it.</source>
        <translation>其余各层保持浮点，在选择划分的 16 个样本上运行（小型网络为 64 个）；层表中的占比来自最终划分。Enter 应用，Shift+Enter 应用到所有同类层。</translation>
    </message>
    <message>
        <source>Median time of the layer; ≈ is estimated from other layers, – is not known: point at it for the reason</source>
        <translation>该层的时间中位数；≈ 为由其他层估计，– 为未知：指向它可看原因</translation>
    </message>
    <message>
        <source>Of the layer&apos;s output with this candidate, weight and activation rounded, fed with float inputs: 10 log10(Σ y² / Σ (y − ŷ)²). “Local” in the table of layers, and “layer” below the histogram, are the same on the final split (F1 here: Terms, SQNR)</source>
        <translation>该候选下层输出的 SQNR：权重与激活均取整，输入为浮点：10 log10(Σ y² / Σ (y − ŷ)²)。层表中的“局部”和直方图下方的“该层”是最终划分上的同一数值（在此按 F1：术语，SQNR）</translation>
    </message>
    <message>
        <source>SQNR (dB)</source>
        <translation>SQNR (dB)</translation>
    </message>
    <message>
        <source>Time (µs)</source>
        <translation>时间 (µs)</translation>
    </message>
    <message>
        <source>Time is</source>
        <translation>时间来源</translation>
    </message>
    <message>
        <source>Candidates</source>
        <translation>候选配置</translation>
    </message>
    <message>
        <source>as it was</source>
        <translation>原来的配置</translation>
    </message>
</context>
<context>
    <name>CandidatesPanel</name>
    <message>
        <source>There is no other qconfig for this layer.</source>
        <translation>该层没有其他量化配置。</translation>
    </message>
    <message>
        <source>After the analysis, other qconfigs for the layer are listed here by their effect.</source>
        <translation>分析之后，此处按影响列出该层的其他 qconfig。</translation>
    </message>
</context>
<context>
    <name>Centre</name>
    <message>
        <source>Depth</source>
        <translation>深度</translation>
    </message>
    <message>
        <source>Graph</source>
        <translation>图</translation>
    </message>
    <message>
        <source>Latency</source>
        <translation>延迟</translation>
    </message>
    <message>
        <source>Error × gain</source>
        <translation>误差 × 收益</translation>
    </message>
    <message>
        <source>Pareto</source>
        <translation>帕累托</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Latency of the layers</source>
        <translation>各层的延迟</translation>
    </message>
    <message>
        <source>Latency of the layers on {0}</source>
        <translation>{0} 上各层的延迟</translation>
    </message>
    <message>
        <source>The figures belong to another plan than the current one</source>
        <translation>这些数据属于另一个方案，不是当前方案</translation>
    </message>
    <message>
        <source>The current plan was not run yet: its point is estimated</source>
        <translation>当前方案尚未运行：其点为估计值</translation>
    </message>
</context>
<context>
    <name>ChannelRanges</name>
    <message>
        <source>values</source>
        <translation>数值</translation>
    </message>
    <message>
        <source>All values of each channel, on 16 calibration samples; colour: how many, on a log scale</source>
        <translation>16 个校准样本上每个通道的全部数值；颜色表示数量（对数刻度）</translation>
    </message>
    <message>
        <source>sort</source>
        <translation>排序</translation>
    </message>
    <message>
        <source>Order the channels by the width of their range</source>
        <translation>按取值范围的宽度排列通道</translation>
    </message>
    <message>
        <source>Ranges per channel</source>
        <translation>各通道的取值范围</translation>
    </message>
    <message>
        <source>Select a layer with weights, or calibrate, to see the range of each channel.</source>
        <translation>选择带权重的层或先校准，即可查看各通道的取值范围。</translation>
    </message>
    <message>
        <source>value</source>
        <translation>数值</translation>
    </message>
    <message>
        <source>channel (widest first)</source>
        <translation>通道（最宽的在前）</translation>
    </message>
    <message>
        <source>channel</source>
        <translation>通道</translation>
    </message>
    <message>
        <source>{} channels</source>
        <translation>{} 个通道</translation>
    </message>
    <message>
        <source>{:.4g} … {:.4g}</source>
        <translation>{:.4g} … {:.4g}</translation>
    </message>
    <message>
        <source>widest {} × the median</source>
        <translation>最宽的是中位数的 {} 倍</translation>
    </message>
    <message>
        <source>dashed: grid of the tensor</source>
        <translation>虚线：整个张量的网格</translation>
    </message>
    <message>
        <source>dashed: grid of each channel</source>
        <translation>虚线：各通道的网格</translation>
    </message>
    <message>
        <source>values of {} samples</source>
        <translation>{} 个样本的数值</translation>
    </message>
    <message>
        <source>channel {}: {:.4g} … {:.4g}</source>
        <translation>通道 {}：{:.4g} … {:.4g}</translation>
    </message>
    <message>
        <source> · grid {:.4g} … {:.4g}</source>
        <translation> · 网格 {:.4g} … {:.4g}</translation>
    </message>
</context>
<context>
    <name>Choose</name>
    <message>
        <source>Open a plan</source>
        <translation>打开方案</translation>
    </message>
    <message>
        <source>Plans (*.json)</source>
        <translation>方案 (*.json)</translation>
    </message>
    <message>
        <source>Open a session</source>
        <translation>打开会话</translation>
    </message>
    <message>
        <source>Save the session</source>
        <translation>保存会话</translation>
    </message>
    <message>
        <source>Save the plan</source>
        <translation>保存方案</translation>
    </message>
    <message>
        <source>A new folder for the integers of {0}</source>
        <translation>保存 {0} 的整数的新文件夹</translation>
    </message>
    <message>
        <source>Save the report</source>
        <translation>保存报告</translation>
    </message>
</context>
<context>
    <name>Columns</name>
    <message>
        <source>Layer</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Module path, in execution order</source>
        <translation>模块路径，按执行顺序</translation>
    </message>
    <message>
        <source>Operator</source>
        <translation>算子</translation>
    </message>
    <message>
        <source>The operator, and what was fused into it (bn is BatchNorm); point at it for the full names</source>
        <translation>算子以及融合进来的部分（bn 即 BatchNorm）；悬停可看全名</translation>
    </message>
    <message>
        <source>Weight · act.</source>
        <translation>权重 · 激活</translation>
    </message>
    <message>
        <source>What the plan asks for: weight type · type of the output. /ch is per channel, 7b a grid of 7 bits</source>
        <translation>方案要求的类型：权重类型 · 输出类型。/ch 表示逐通道，7b 表示 7 位网格</translation>
    </message>
    <message>
        <source>Error</source>
        <translation>误差</translation>
    </message>
    <message>
        <source>Estimated share of the output error: E[(vᵀ J_i δ_i)²] of the layer, divided by the sum over all layers. The bar is as long as the share is beside the largest one: red from 60% of it on, amber from 25%</source>
        <translation>输出误差的估计份额：该层的 E[(vᵀ J_i δ_i)²] 除以所有层之和。条的长度是该份额与最大份额之比：达到其 60% 起为红色，25% 起为琥珀色</translation>
    </message>
    <message>
        <source>Won</source>
        <translation>收益</translation>
    </message>
    <message>
        <source>Time that the integer kernel wins, fp32 − int8; negative where it loses. Grey where the quartiles of both times overlap: the difference may be noise</source>
        <translation>整数核节省的时间：fp32 − int8；变慢时为负。两者四分位区间重叠时显示为灰色：差异可能只是噪声</translation>
    </message>
    <message>
        <source>Flags</source>
        <translation>标记</translation>
    </message>
    <message>
        <source>What is worth a look; point at it for the reason</source>
        <translation>值得一看的问题；悬停可看原因</translation>
    </message>
    <message>
        <source>Local</source>
        <translation>局部</translation>
    </message>
    <message>
        <source>SQNR of the layer&apos;s own rounding, fed with float inputs: 10 log10(Σ y² / Σ (y − ŷ)²)</source>
        <translation>该层自身舍入的 SQNR（输入为浮点）：10 log10(Σ y² / Σ (y − ŷ)²)</translation>
    </message>
    <message>
        <source>Cumulative</source>
        <translation>累积</translation>
    </message>
    <message>
        <source>SQNR against the float model when everything before it is quantized too</source>
        <translation>前面各层也都量化时，与浮点模型相比的 SQNR</translation>
    </message>
    <message>
        <source>Cosine</source>
        <translation>余弦</translation>
    </message>
    <message>
        <source>Cosine similarity with the float model&apos;s value, everything before it quantized too</source>
        <translation>前面各层也都量化时，与浮点值的余弦相似度</translation>
    </message>
    <message>
        <source>Est. KL</source>
        <translation>估计 KL</translation>
    </message>
    <message>
        <source>Estimated KL(fp32‖int8) at the output that this layer alone causes, in nats (Fisher estimate)</source>
        <translation>该层单独在输出端造成的 KL(fp32‖int8) 估计值，单位 nat（Fisher 估计）</translation>
    </message>
    <message>
        <source>Isolated KL</source>
        <translation>单独 KL</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) at the output with this layer alone quantized, in nats</source>
        <translation>只量化该层时输出端的 KL(fp32‖int8)，单位 nat</translation>
    </message>
    <message>
        <source>Without it</source>
        <translation>除它之外</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) at the output with every layer quantized but this one, in nats</source>
        <translation>除该层外全部量化时输出端的 KL(fp32‖int8)，单位 nat</translation>
    </message>
    <message>
        <source>fp32</source>
        <translation>fp32</translation>
    </message>
    <message>
        <source>Median time of the float layer</source>
        <translation>浮点层的中位时间</translation>
    </message>
    <message>
        <source>int8</source>
        <translation>int8</translation>
    </message>
    <message>
        <source>Median time of what really runs</source>
        <translation>实际运行的核的中位时间</translation>
    </message>
    <message>
        <source>Spread</source>
        <translation>离散</translation>
    </message>
    <message>
        <source>Interquartile range of the int8 time</source>
        <translation>int8 时间的四分位距</translation>
    </message>
    <message>
        <source>MACs</source>
        <translation>乘加</translation>
    </message>
    <message>
        <source>Multiply-adds for one sample</source>
        <translation>单个样本的乘加次数</translation>
    </message>
    <message>
        <source>Params</source>
        <translation>参数</translation>
    </message>
    <message>
        <source>Number of parameters</source>
        <translation>参数个数</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>缩放</translation>
    </message>
    <message>
        <source>Width of one step of the output&apos;s grid</source>
        <translation>输出网格一级的宽度</translation>
    </message>
    <message>
        <source>Zero point</source>
        <translation>零点</translation>
    </message>
    <message>
        <source>The integer that stands for 0</source>
        <translation>代表 0 的整数</translation>
    </message>
    <message>
        <source>Min</source>
        <translation>最小</translation>
    </message>
    <message>
        <source>Smallest value seen in calibration</source>
        <translation>校准中出现的最小值</translation>
    </message>
    <message>
        <source>Max</source>
        <translation>最大</translation>
    </message>
    <message>
        <source>Largest value seen in calibration</source>
        <translation>校准中出现的最大值</translation>
    </message>
    <message>
        <source>Overview</source>
        <translation>概览</translation>
    </message>
    <message>
        <source>Accuracy</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Ranges</source>
        <translation>范围</translation>
    </message>
    <message>
        <source>{0} layers</source>
        <translation>{0} 层</translation>
    </message>
</context>
<context>
    <name>Compare</name>
    <message>
        <source>metric, simulated</source>
        <translation>指标，模拟</translation>
    </message>
    <message>
        <source>metric, kernel</source>
        <translation>指标，实际核</translation>
    </message>
    <message>
        <source>agreement, simulated</source>
        <translation>一致率，模拟</translation>
    </message>
    <message>
        <source>agreement, kernel</source>
        <translation>一致率，实际核</translation>
    </message>
    <message>
        <source>KL, simulated</source>
        <translation>KL，模拟</translation>
    </message>
    <message>
        <source>KL, kernel</source>
        <translation>KL，实际核</translation>
    </message>
    <message>
        <source>KL, estimated</source>
        <translation>KL，估计</translation>
    </message>
    <message>
        <source>SQNR of the output</source>
        <translation>输出的 SQNR</translation>
    </message>
    <message>
        <source>time, float</source>
        <translation>时间，浮点</translation>
    </message>
    <message>
        <source>time, int8</source>
        <translation>时间，int8</translation>
    </message>
    <message>
        <source>samples</source>
        <translation>样本数</translation>
    </message>
    <message>
        <source>What differs in the plan</source>
        <translation>计划的差异</translation>
    </message>
    <message>
        <source>Figure</source>
        <translation>项目</translation>
    </message>
    <message>
        <source>The plans are the same.</source>
        <translation>两个方案相同。</translation>
    </message>
    <message>
        <source>and {0} more</source>
        <translation>还有 {0} 项</translation>
    </message>
    <message>
        <source>Layers whose estimated KL changed most (nats)</source>
        <translation>估计 KL 变化最大的层（nats）</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>层</translation>
    </message>
    <message>
        <source>default {0}: {1} → {2}</source>
        <translation>默认{0}：{1} → {2}</translation>
    </message>
    <message>
        <source>{0}: off → on</source>
        <translation>{0}：关 → 开</translation>
    </message>
    <message>
        <source>{0}: on → off</source>
        <translation>{0}：开 → 关</translation>
    </message>
    <message>
        <source>fusion {0}</source>
        <translation>融合 {0}</translation>
    </message>
    <message>
        <source>target {0}: {1} → {2}</source>
        <translation>目标 {0}：{1} → {2}</translation>
    </message>
    <message>
        <source>default</source>
        <translation>默认</translation>
    </message>
</context>
<context>
    <name>DataForm</name>
    <message>
        <source>Source and preparation</source>
        <translation>来源与预处理</translation>
    </message>
    <message>
        <source>a folder, .npz, .npy, .safetensors, .parquet, .csv, text</source>
        <translation>文件夹、.npz、.npy、.safetensors、.parquet、.csv、文本</translation>
    </message>
    <message>
        <source>(x − mean) / std per channel: one of these, or numbers, for pixels of 0..1 such as 0.5,0.5,0.5/0.25,0.25,0.25, for pixels of 0..255 such as (x − 127.5) / 127.5</source>
        <translation>逐通道 (x − 均值) / 标准差：选择其一，或直接输入数值；像素为 0..1 时如 0.5,0.5,0.5/0.25,0.25,0.25，像素为 0..255 时如 (x − 127.5) / 127.5</translation>
    </message>
    <message>
        <source>other numbers…</source>
        <translation>其他数值…</translation>
    </message>
    <message>
        <source>calibrate / select / final: three parts that share no sample, so that what a search chose on is not what it is reported on</source>
        <translation>校准 / 选择 / 最终：三部分互不共享样本，搜索时用来选择的数据不会用来报告结果</translation>
    </message>
    <message>
        <source>all</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Decides which samples go into which part</source>
        <translation>决定样本如何分到各部分</translation>
    </message>
    <message>
        <source>&amp;Samples</source>
        <translation>样本数(&amp;S)</translation>
    </message>
    <message>
        <source>S&amp;plit</source>
        <translation>划分(&amp;P)</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <source>The sub-folders are the parts.</source>
        <translation>各部分就是子文件夹。</translation>
    </message>
    <message>
        <source>Open data</source>
        <translation>打开数据</translation>
    </message>
    <message>
        <source>Choose a folder of images, audio or tables; class sub-folders are labels</source>
        <translation>选择图像、音频或表格的文件夹；子文件夹名即类别标签</translation>
    </message>
    <message>
        <source>Choose a file: arrays with x and, optionally, y; a table; lines of text</source>
        <translation>选择文件：含 x（可选 y）的数组、表格或逐行文本</translation>
    </message>
    <message>
        <source>&amp;Data</source>
        <translation>数据(&amp;D)</translation>
    </message>
    <message>
        <source>as usual (crop · 256/224)</source>
        <translation>按惯例（裁剪 · 256/224）</translation>
    </message>
    <message>
        <source>Short side in pixels to which an image is scaled</source>
        <translation>图像缩放后短边的像素数</translation>
    </message>
    <message>
        <source>the model&apos;s size</source>
        <translation>模型的尺寸</translation>
    </message>
    <message>
        <source>Side in pixels of the square cut from the centre</source>
        <translation>从中心裁出的正方形边长（像素）</translation>
    </message>
    <message>
        <source>With antialiasing, as Pillow does it</source>
        <translation>带抗锯齿，与 Pillow 相同</translation>
    </message>
    <message>
        <source>Order of the colours that the model wants</source>
        <translation>模型要求的颜色顺序</translation>
    </message>
    <message>
        <source>Order of the axes: batch, channels, height, width</source>
        <translation>轴的顺序：批、通道、高、宽</translation>
    </message>
    <message>
        <source>as the files are</source>
        <translation>与文件相同</translation>
    </message>
    <message>
        <source>Audio: samples per second to which it is brought, in Hz</source>
        <translation>音频：重采样到的采样率（Hz）</translation>
    </message>
    <message>
        <source>what the model takes</source>
        <translation>模型所需的长度</translation>
    </message>
    <message>
        <source>Audio: its length in seconds; cut, or filled with silence</source>
        <translation>音频：长度（秒）；过长则截断，不足补静音</translation>
    </message>
    <message>
        <source>the model&apos;s tokenizer.json</source>
        <translation>模型的 tokenizer.json</translation>
    </message>
    <message>
        <source>Choose the tokenizer.json of the model</source>
        <translation>选择模型的 tokenizer.json</translation>
    </message>
    <message>
        <source>Text: tokens at most</source>
        <translation>文本：最多词元数</translation>
    </message>
    <message>
        <source>y, labels or label</source>
        <translation>y、labels 或 label</translation>
    </message>
    <message>
        <source>The column or array that the metric compares the outputs with</source>
        <translation>指标用来与输出比较的列或数组</translation>
    </message>
    <message>
        <source>The sub-folders calibrate, select and final are the parts</source>
        <translation>各部分就是子文件夹 calibrate、select 和 final</translation>
    </message>
    <message>
        <source>Reopen the model with {0}</source>
        <translation>用 {0} 重新打开模型</translation>
    </message>
    <message>
        <source>Data (*.npz *.npy *.safetensors *.pt *.parquet *.arrow *.csv *.txt *.jsonl);;All files (*)</source>
        <translation>数据 (*.npz *.npy *.safetensors *.pt *.parquet *.arrow *.csv *.txt *.jsonl);;所有文件 (*)</translation>
    </message>
    <message>
        <source>&amp;Labels</source>
        <translation>标签(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Resize</source>
        <translation>缩放(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Crop</source>
        <translation>裁剪(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Interpolation</source>
        <translation>插值(&amp;I)</translation>
    </message>
    <message>
        <source>&amp;Normalization</source>
        <translation>归一化(&amp;N)</translation>
    </message>
    <message>
        <source>C&amp;hannels</source>
        <translation>通道顺序(&amp;H)</translation>
    </message>
    <message>
        <source>Layo&amp;ut</source>
        <translation>布局(&amp;U)</translation>
    </message>
    <message>
        <source>Ra&amp;te</source>
        <translation>采样率(&amp;T)</translation>
    </message>
    <message>
        <source>Sec&amp;onds</source>
        <translation>秒数(&amp;O)</translation>
    </message>
    <message>
        <source>To&amp;kenizer</source>
        <translation>分词器(&amp;K)</translation>
    </message>
    <message>
        <source>Tokens at &amp;most</source>
        <translation>最多词元(&amp;M)</translation>
    </message>
    <message>
        <source>A folder of images, audio or tables</source>
        <translation>图像、音频或表格的文件夹</translation>
    </message>
    <message>
        <source>A file of data</source>
        <translation>数据文件</translation>
    </message>
    <message>
        <source>A tokenizer</source>
        <translation>分词器</translation>
    </message>
</context>
<context>
    <name>DataPage</name>
    <message>
        <source>Data</source>
        <translation>数据</translation>
    </message>
    <message>
        <source>The float model&apos;s figure comes first: if it is not what the model should reach, the preparation is wrong and every int8 figure would be too.</source>
        <translation>先看浮点模型的指标：如果达不到应有的水平，说明预处理有误，所有 int8 结果也都会跟着错。</translation>
    </message>
    <message>
        <source>Samples as the model will see them</source>
        <translation>模型实际看到的样本</translation>
    </message>
    <message>
        <source>Open a model first.</source>
        <translation>请先打开模型。</translation>
    </message>
    <message>
        <source>Open data to see its first samples here, as the model gets them.</source>
        <translation>打开数据后，这里显示模型实际收到的前几个样本。</translation>
    </message>
    <message>
        <source>with labels</source>
        <translation>有标签</translation>
    </message>
    <message>
        <source>without labels</source>
        <translation>无标签</translation>
    </message>
    <message>
        <source>with targets</source>
        <translation>有目标值</translation>
    </message>
    <message>
        <source>{0} samples {1}: {2} to calibrate, {3} to select, {4} to report on.</source>
        <translation>{0} 个样本，{1}：{2} 个用于校准，{3} 个用于选择，{4} 个用于报告。</translation>
    </message>
    <message>
        <source>⚠ The model gets values up to {0}. Unless it scales them itself, they are to be divided, by 255 say: see Normalization.</source>
        <translation>⚠ 模型得到的值最大为 {0}。除非模型自行缩放，否则应先做除法（例如除以 255）：见“归一化”。</translation>
    </message>
    <message>
        <source> (label {0})</source>
        <translation>（标签 {0}）</translation>
    </message>
    <message>
        <source>to calibrate</source>
        <translation>用于校准</translation>
    </message>
    <message>
        <source>to select</source>
        <translation>用于选择</translation>
    </message>
</context>
<context>
    <name>DepthPlot</name>
    <message>
        <source>SQNR</source>
        <translation>SQNR</translation>
    </message>
    <message>
        <source>Signal to quantization noise of each layer, dB</source>
        <translation>各层的信号与量化噪声之比，dB</translation>
    </message>
    <message>
        <source>alone</source>
        <translation>单独</translation>
    </message>
    <message>
        <source>KL at the output with this layer alone quantized, and with all but it, nats; as measured</source>
        <translation>只量化该层、以及除它外全部量化时输出端的 KL，nat；实测</translation>
    </message>
    <message>
        <source>Error by depth</source>
        <translation>各层误差</translation>
    </message>
    <message>
        <source>The first figures are on their way.</source>
        <translation>首次数据即将得出。</translation>
    </message>
    <message>
        <source>Run the analysis to see the error of every layer.</source>
        <translation>运行分析后可查看每层的误差。</translation>
    </message>
    <message>
        <source>layer, in execution order</source>
        <translation>层，按执行顺序</translation>
    </message>
    <message>
        <source>Error share</source>
        <translation>误差份额</translation>
    </message>
    <message>
        <source>Each layer&apos;s share of the output error, estimated, %</source>
        <translation>每一层占输出误差的估计份额，%</translation>
    </message>
    <message>
        <source>share of the output error, estimated (%)</source>
        <translation>占输出误差的估计份额（%）</translation>
    </message>
    <message>
        <source>SQNR (dB)</source>
        <translation>SQNR（dB）</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) (nats)</source>
        <translation>KL(fp32‖int8)（nat）</translation>
    </message>
    <message>
        <source>this layer alone</source>
        <translation>仅该层</translation>
    </message>
    <message>
        <source>all but this layer</source>
        <translation>除该层外</translation>
    </message>
    <message>
        <source>local</source>
        <translation>局部</translation>
    </message>
    <message>
        <source>cumulative</source>
        <translation>累积</translation>
    </message>
    <message>
        <source>{} layers; click one to select it</source>
        <translation>{} 层；单击可选择</translation>
    </message>
    <message>
        <source>{:.1f}% of the output error, estimated</source>
        <translation>占输出误差的 {:.1f}%（估计）</translation>
    </message>
    <message>
        <source>alone {:.3g} nats</source>
        <translation>单独 {:.3g} nat</translation>
    </message>
    <message>
        <source>without it {:.3g} nats</source>
        <translation>除它之外 {:.3g} nat</translation>
    </message>
    <message>
        <source>local {:.1f} dB</source>
        <translation>局部 {:.1f} dB</translation>
    </message>
    <message>
        <source>cumulative {:.1f} dB</source>
        <translation>累积 {:.1f} dB</translation>
    </message>
    <message>
        <source>this sample {:.1f} dB</source>
        <translation>该样本 {:.1f} dB</translation>
    </message>
</context>
<context>
    <name>Detail</name>
    <message>
        <source>Weights per channel</source>
        <translation>各通道的权重</translation>
    </message>
    <message>
        <source>Activation per channel</source>
        <translation>各通道的激活</translation>
    </message>
    <message>
        <source>Qconfig</source>
        <translation>量化配置</translation>
    </message>
    <message>
        <source>Channels</source>
        <translation>通道</translation>
    </message>
    <message>
        <source>Kernel</source>
        <translation>核</translation>
    </message>
    <message>
        <source>What if</source>
        <translation>假设</translation>
    </message>
    <message>
        <source>Qconfig and histogram of the activation</source>
        <translation>量化配置与激活直方图</translation>
    </message>
    <message>
        <source>Ranges of weights and activation per channel</source>
        <translation>权重和激活在各通道的取值范围</translation>
    </message>
    <message>
        <source>The integer kernel against the simulation; time; place in the source</source>
        <translation>整数核与模拟的对比；时间；源代码位置</translation>
    </message>
    <message>
        <source>Weight and activation in every type, scheme, granularity and range</source>
        <translation>权重与激活在每种类型、方案、粒度和范围下的结果</translation>
    </message>
    <message>
        <source>activation</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>Calibrate to see what each type, scheme and range would leave.</source>
        <translation>校准后可查看每种类型、方案和范围会留下什么。</translation>
    </message>
    <message>
        <source>Select one layer to see what each type, scheme and range would leave.</source>
        <translation>选择一个层以查看每种类型、方案和范围会留下什么。</translation>
    </message>
    <message>
        <source>Rounding {0} in every way…</source>
        <translation>正在以各种方式舍入 {0}…</translation>
    </message>
    <message>
        <source>shares the quantizer of {0}: the activation of both is edited</source>
        <translation>与 {0} 共用量化器：两者的激活一起修改</translation>
    </message>
    <message>
        <source>stays float: {0}</source>
        <translation>保持浮点：{0}</translation>
    </message>
    <message>
        <source>no integer kernel</source>
        <translation>没有整数核</translation>
    </message>
    <message>
        <source>{0} of them are hidden by the filter, and edited too</source>
        <translation>其中 {0} 层被筛选隐藏，也会一并修改</translation>
    </message>
    <message>
        <source>weight</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Select a layer to see what else it could be.</source>
        <translation>选择一层，即可查看它的其他可选配置。</translation>
    </message>
    <message>
        <source>{0} layers are selected. Select one to see what else it could be.</source>
        <translation>已选择 {0} 层。只选一层即可查看它的其他可选配置。</translation>
    </message>
    <message>
        <source>Computing what else {0} could be…</source>
        <translation>正在计算 {0} 的其他可选配置…</translation>
    </message>
    <message>
        <source>{0} (quartiles {1} … {2})</source>
        <translation>{0}（四分位 {1} … {2}）</translation>
    </message>
    <message>
        <source>Median time: {0}.</source>
        <translation>时间中位数：{0}。</translation>
    </message>
    <message>
        <source>The quartiles overlap: which is faster is not certain.</source>
        <translation>四分位区间重叠：无法确定哪个更快。</translation>
    </message>
    <message>
        <source>From the run “{0}”, not for the current plan.</source>
        <translation>来自运行“{0}”，并非当前方案。</translation>
    </message>
</context>
<context>
    <name>DeviceCard</name>
    <message>
        <source>Measured on another device</source>
        <translation>在其他设备上测得</translation>
    </message>
    <message>
        <source>Bring back measurements…</source>
        <translation>导入测量结果…</translation>
    </message>
    <message>
        <source>bench.json of the kit, trtexec --exportProfile (its --exportLayerInfo is found beside it), or an ONNX Runtime profile</source>
        <translation>测量包的 bench.json、trtexec --exportProfile 的输出（旁边的 --exportLayerInfo 会自动找到），或 ONNX Runtime 的 profile</translation>
    </message>
    <message>
        <source>Run the kit (or trtexec) there, and bring its JSON back: its times take the place of this computer&apos;s beside the layers, as a run of its own.</source>
        <translation>在那台设备上运行测量包（或 trtexec），再导入其 JSON：它的时间取代本机时间显示在各层旁，并单独成为一次运行。</translation>
    </message>
    <message>
        <source>{0} runs</source>
        <translation>{0} 次运行</translation>
    </message>
    <message>
        <source>{0} layers timed</source>
        <translation>{0} 层有计时</translation>
    </message>
    <message>
        <source>Measurements of another device</source>
        <translation>其他设备的测量结果</translation>
    </message>
    <message>
        <source>Profiles (*.json)</source>
        <translation>Profile (*.json)</translation>
    </message>
</context>
<context>
    <name>Dialogs</name>
    <message>
        <source>Close?</source>
        <translation>要关闭吗？</translation>
    </message>
    <message>
        <source>What was done since the last save would be lost.</source>
        <translation>上次保存之后所做的更改将会丢失。</translation>
    </message>
    <message>
        <source>Close all the same</source>
        <translation>仍然关闭</translation>
    </message>
    <message>
        <source>That did not work</source>
        <translation>未能完成</translation>
    </message>
    <message>
        <source>{0}

{1}.</source>
        <translation>{0}

{1}。</translation>
    </message>
    <message>
        <source>Something unexpected happened</source>
        <translation>发生了意外</translation>
    </message>
    <message>
        <source>Nothing was lost: the model, the plan and all figures are as before. The details help to report it.</source>
        <translation>没有丢失任何内容：模型、方案和所有结果都保持不变。详细信息有助于报告此问题。</translation>
    </message>
    <message>
        <source>Overrides without a layer</source>
        <translation>没有对应层的覆盖项</translation>
    </message>
    <message>
        <source>{0} of {1} overrides in {2} match no layer of this model and have no effect:</source>
        <translation>{2} 中的 {1} 个覆盖项有 {0} 个与此模型的任何层都不匹配，不起作用：</translation>
    </message>
    <message>
        <source>and {0} more</source>
        <translation>以及另外 {0} 个</translation>
    </message>
    <message>
        <source>Run Python code?</source>
        <translation>运行 Python 代码？</translation>
    </message>
    <message>
        <source>Opening {0} runs the code in this file:</source>
        <translation>打开 {0} 会运行此文件中的代码：</translation>
    </message>
    <message>
        <source>It can do whatever you can. Allow it if you know where it comes from. A changed file asks again.</source>
        <translation>它能做您能做的一切。只有知道来源时才允许。文件改变后会再次询问。</translation>
    </message>
    <message>
        <source>Run it</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Where is it now?</source>
        <translation>它现在在哪里？</translation>
    </message>
    <message>
        <source>The model of this session is not where it was:</source>
        <translation>此会话的模型已不在原处：</translation>
    </message>
    <message>
        <source>The data of this session are not where they were:</source>
        <translation>此会话的数据已不在原处：</translation>
    </message>
    <message>
        <source>The metric of this session is not where it was:</source>
        <translation>此会话的指标不在原来的位置：</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>选择…</translation>
    </message>
    <message>
        <source>Without data, the figures that the session holds can be looked at.</source>
        <translation>没有数据时，仍可查看会话中保存的结果。</translation>
    </message>
    <message>
        <source>Open without data</source>
        <translation>不带数据打开</translation>
    </message>
    <message>
        <source>With top-1 in its place the figures of this metric stay among the runs.</source>
        <translation>改用 top-1 打开时，该指标的数据仍保留在各次运行中。</translation>
    </message>
    <message>
        <source>Open with top-1</source>
        <translation>改用 top-1 打开</translation>
    </message>
    <message>
        <source>Where is {0} now?</source>
        <translation>{0} 现在在哪里？</translation>
    </message>
    <message>
        <source>the steps</source>
        <translation>各个步骤</translation>
    </message>
    <message>
        <source>in a table: copy it for a spreadsheet</source>
        <translation>在表格中：复制到电子表格</translation>
    </message>
    <message>
        <source>in the candidates: apply; apply to all layers like it</source>
        <translation>在候选配置中：应用；应用到所有同类层</translation>
    </message>
    <message>
        <source>in the graph: along the edges</source>
        <translation>在图中：沿边移动</translation>
    </message>
    <message>
        <source>in the graph: open or close a block</source>
        <translation>在图中：展开或折叠模块</translation>
    </message>
    <message>
        <source>in the graph: zoom in, zoom out, show the selected layer, show all</source>
        <translation>在图中：放大、缩小、显示所选层、显示全部</translation>
    </message>
    <message>
        <source>in the graph: close or open a level of modules</source>
        <translation>在图中：收起或展开一级模块</translation>
    </message>
    <message>
        <source>in the graph: close the block around the selected layer</source>
        <translation>在图中：收起所选层所在的块</translation>
    </message>
    <message>
        <source>In the panels</source>
        <translation>面板内</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>See what quantization does to a model, layer by layer, and repair it.</source>
        <translation>逐层查看量化对模型的影响，并加以修复。</translation>
    </message>
    <message>
        <source>About qinspect</source>
        <translation>关于 qinspect</translation>
    </message>
</context>
<context>
    <name>Document</name>
    <message>
        <source>opened {0}: {1} layers</source>
        <translation>已打开 {0}：{1} 层</translation>
    </message>
    <message>
        <source>data: {0} samples from {1}</source>
        <translation>数据：来自 {1} 的 {0} 个样本</translation>
    </message>
    <message>
        <source>metric: {0}</source>
        <translation>指标：{0}</translation>
    </message>
    <message>
        <source>calibrated on {0} samples in {1} s</source>
        <translation>用 {0} 个样本校准，耗时 {1} 秒</translation>
    </message>
    <message>
        <source>search: {0} plans; {1}</source>
        <translation>搜索：{0} 个方案；{1}</translation>
    </message>
</context>
<context>
    <name>DriftPlot</name>
    <message>
        <source>Error of the state, step by step</source>
        <translation>状态误差（逐步）</translation>
    </message>
    <message>
        <source>Analyze a model whose state goes in and out.</source>
        <translation>分析状态既是输入又是输出的模型后，这里会显示结果。</translation>
    </message>
    <message>
        <source>step</source>
        <translation>步</translation>
    </message>
    <message>
        <source>SQNR (dB)</source>
        <translation>SQNR（dB）</translation>
    </message>
    <message>
        <source>output</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>output, state of float</source>
        <translation>输出（使用浮点状态）</translation>
    </message>
    <message>
        <source>state</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>{0}, fed back over {1} steps, {2} streams; each model on its own state</source>
        <translation>{0}，反馈 {1} 步，{2} 路；各模型使用各自的状态</translation>
    </message>
</context>
<context>
    <name>Dropping</name>
    <message>
        <source>Open the session {0}</source>
        <translation>打开会话 {0}</translation>
    </message>
    <message>
        <source>Open a model from the code in {0}</source>
        <translation>用 {0} 中的代码打开模型</translation>
    </message>
    <message>
        <source>Open the model {0}</source>
        <translation>打开模型 {0}</translation>
    </message>
    <message>
        <source>Take the weights in {0}</source>
        <translation>采用 {0} 中的权重</translation>
    </message>
    <message>
        <source>Open the data in {0}</source>
        <translation>打开 {0} 中的数据</translation>
    </message>
    <message>
        <source>Take the data in {0} for the model that you open next</source>
        <translation>采用 {0} 中的数据，供随后打开的模型使用</translation>
    </message>
    <message>
        <source>Take the plan {0}; this can be undone</source>
        <translation>采用方案 {0}，可以撤销</translation>
    </message>
    <message>
        <source>Take the times that another device measured: {0}</source>
        <translation>采用在另一台设备上测得的时间：{0}</translation>
    </message>
    <message>
        <source>{0} is no model, data set, plan or session</source>
        <translation>{0} 不是模型、数据集、方案或会话</translation>
    </message>
</context>
<context>
    <name>Edits</name>
    <message>
        <source>{0} layers</source>
        <translation>{0} 层</translation>
    </message>
    <message>
        <source>float for {0}</source>
        <translation>{0} 改为浮点</translation>
    </message>
    <message>
        <source>{0} for {1}</source>
        <translation>{0}（{1}）</translation>
    </message>
</context>
<context>
    <name>Errands</name>
    <message>
        <source>failed: {0}: {1}</source>
        <translation>失败：{0}：{1}</translation>
    </message>
    <message>
        <source>cancelled: {0}</source>
        <translation>已取消：{0}</translation>
    </message>
</context>
<context>
    <name>ErrorStrip</name>
    <message>
        <source>Share of the output error, layer by layer</source>
        <translation>逐层的输出误差份额</translation>
    </message>
</context>
<context>
    <name>Estimate</name>
    <message>
        <source>Stopped before the layers&apos; figures were there.</source>
        <translation>已停止，各层的数据尚未算出。</translation>
    </message>
    <message>
        <source>The layers follow.</source>
        <translation>各层数据随后给出。</translation>
    </message>
    <message>
        <source>Stopped before the new figures were there.</source>
        <translation>已停止，新的数据尚未算出。</translation>
    </message>
    <message>
        <source>points</source>
        <translation>个百分点</translation>
    </message>
    <message>
        <source>KL {0} nats</source>
        <translation>KL {0} nat</translation>
    </message>
    <message>
        <source>{0} {1} lost</source>
        <translation>损失 {0} {1}</translation>
    </message>
    <message>
        <source>MSE / power {0}</source>
        <translation>MSE/功率 {0}</translation>
    </message>
    <message>
        <source>Measured by the search on {0} samples of the select split: {1}.</source>
        <translation>搜索在选择集的 {0} 个样本上测得：{1}。</translation>
    </message>
    <message>
        <source>agreement {0}</source>
        <translation>一致率 {0}</translation>
    </message>
    <message>
        <source>metric {0}</source>
        <translation>指标 {0}</translation>
    </message>
    <message>
        <source>Measured on {0} samples: {1}.</source>
        <translation>在 {0} 个样本上实测：{1}。</translation>
    </message>
    <message>
        <source>Roughly, as values are cut off: {0}.</source>
        <translation>粗略估计（有数值被截断）：{0}。</translation>
    </message>
    <message>
        <source>Estimated: {0}.</source>
        <translation>估计：{0}。</translation>
    </message>
    <message>
        <source>{0} points lost</source>
        <translation>损失 {0} 个百分点</translation>
    </message>
    <message>
        <source>Sums over all roundings of the plan, each scored apart on samples of the select split; times are sums of what runs measured layer by layer. The interval is that of the samples, not of the estimate.</source>
        <translation>方案中所有舍入的影响之和，每项都在选择部分的样本上单独评估；时间是各次运行逐层实测值之和。区间来自样本，而非估计本身。</translation>
    </message>
    <message>
        <source>The sums are {0} → {1} nats there: what was measured is changed in this proportion.</source>
        <translation>在选择集上总和为 {0} → {1} nats：测得的数值按此比例变化。</translation>
    </message>
    <message>
        <source>{0} points lost there, {1} … {2}.</source>
        <translation>该集上下降 {0} 个百分点，{1} … {2}。</translation>
    </message>
    <message>
        <source>Agreement there {0}%, {1} … {2}.</source>
        <translation>该集上一致率 {0}%，{1} … {2}。</translation>
    </message>
    <message>
        <source>{0} roundings were not scored yet as they are now: taken in proportion to their rounding error.</source>
        <translation>{0} 处舍入尚未按当前配置评估：按其舍入误差的比例推算。</translation>
    </message>
    <message>
        <source>Of {0} of them most of the error is that of values beyond the range. What cutting these off does is not in proportion to their error, and can be several times more or less.</source>
        <translation>其中 {0} 处的误差主要来自超出范围的数值。截断它们的影响与其误差不成比例，实际可能大几倍或小几倍。</translation>
    </message>
    <message>
        <source>No time: no run on this target timed all layers on the kernels they need.</source>
        <translation>无时间：此目标上还没有一次运行测得所有层在所需核上的时间。</translation>
    </message>
</context>
<context>
    <name>ExportPage</name>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Exported files and their checks are listed here.</source>
        <translation>导出的文件及其检查结果列在这里。</translation>
    </message>
    <message>
        <source>ONNX, QDQ</source>
        <translation>ONNX, QDQ</translation>
    </message>
    <message>
        <source>ONNX for TensorRT</source>
        <translation>用于 TensorRT 的 ONNX</translation>
    </message>
    <message>
        <source>Q/DQ placed by TensorRT&apos;s rules, and the trtexec line that builds and profiles it.</source>
        <translation>按 TensorRT 的规则放置 Q/DQ，并给出构建和测速的 trtexec 命令。</translation>
    </message>
    <message>
        <source>Measuring kit</source>
        <translation>测量包</translation>
    </message>
    <message>
        <source>PyTorch FX folder</source>
        <translation>PyTorch FX 文件夹</translation>
    </message>
    <message>
        <source>Float graph, plan, qparams, weights and a script that rebuilds the int8 model.</source>
        <translation>浮点图、方案、量化参数、权重，以及重建 int8 模型的脚本。</translation>
    </message>
    <message>
        <source>PyTorch eager folder</source>
        <translation>PyTorch eager 文件夹</translation>
    </message>
    <message>
        <source>The same with stubs and fused modules, as torch.ao&apos;s eager mode has them.</source>
        <translation>同上，但带有 torch.ao eager 模式的 stub 和融合模块。</translation>
    </message>
    <message>
        <source>PT2E, quantized .pt2</source>
        <translation>PT2E，量化的 .pt2</translation>
    </message>
    <message>
        <source>A program with quantizers; inductor compiles it to integer kernels.</source>
        <translation>带量化器的程序；inductor 将其编译为整数核。</translation>
    </message>
    <message>
        <source>Python script</source>
        <translation>Python 脚本</translation>
    </message>
    <message>
        <source>A program that quantizes the model again, step by step.</source>
        <translation>一步一步重新量化该模型的程序。</translation>
    </message>
    <message>
        <source>Plan and qparams</source>
        <translation>方案与量化参数</translation>
    </message>
    <message>
        <source>plan.json and qparams.json: the same plan with the same qparams gives the same bits.</source>
        <translation>plan.json 和 qparams.json：同样的方案加同样的量化参数得到同样的比特。</translation>
    </message>
    <message>
        <source>Write it</source>
        <translation>写出</translation>
    </message>
    <message>
        <source>Version of ONNX&apos;s operators; 16 and 4 bits need 21. Older runtimes read less.</source>
        <translation>ONNX 算子的版本；16 位和 4 位需要 21。较旧的运行时能读的版本较低。</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>integers (int8)</source>
        <translation>整数（int8）</translation>
    </message>
    <message>
        <source>What the model takes and gives: float, or the numbers on its own grids</source>
        <translation>模型的输入和输出：浮点，或其自身网格上的整数</translation>
    </message>
    <message>
        <source>O&amp;pset</source>
        <translation>Opset(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Inputs and outputs</source>
        <translation>输入和输出(&amp;I)</translation>
    </message>
    <message>
        <source>F&amp;older</source>
        <translation>文件夹(&amp;O)</translation>
    </message>
    <message>
        <source>Calibrate and analyze</source>
        <translation>校准并分析</translation>
    </message>
    <message>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <source>as the plan needs</source>
        <translation>按方案所需</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source> or </source>
        <translation> 或 </translation>
    </message>
    <message>
        <source>Needs target {0}</source>
        <translation>需要目标 {0}</translation>
    </message>
    <message>
        <source>Exporting to {0}…</source>
        <translation>正在导出为 {0}…</translation>
    </message>
    <message>
        <source>Choose data and confirm the float metric first.</source>
        <translation>请先选择数据并确认浮点指标。</translation>
    </message>
    <message>
        <source>Choose a folder</source>
        <translation>选择文件夹</translation>
    </message>
    <message>
        <source>Export and verify</source>
        <translation>导出并验证</translation>
    </message>
    <message>
        <source>A folder that times float and int8 on another device, with onnxruntime or torch alone; its bench.json comes back here.</source>
        <translation>一个文件夹，仅用 onnxruntime 或 torch 在另一台设备上测量浮点与 int8 的时间；其 bench.json 可带回这里。</translation>
    </message>
    <message>
        <source>Each file is loaded in a new process, run there, and compared with the simulation layer by layer.</source>
        <translation>每个文件都会在新进程中加载、运行，并与模拟逐层比较。</translation>
    </message>
    <message>
        <source>An .onnx file with QuantizeLinear/DequantizeLinear, for ONNX Runtime.</source>
        <translation>含 QuantizeLinear/DequantizeLinear 的 .onnx 文件，用于 ONNX Runtime。</translation>
    </message>
    <message>
        <source>For other targets</source>
        <translation>用于其他目标</translation>
    </message>
    <message>
        <source>The plan&apos;s target is {0}; this needs {1}.</source>
        <translation>方案的目标是 {0}；此项需要 {1}。</translation>
    </message>
    <message>
        <source>Target {0}, the current plan.</source>
        <translation>目标 {0}，当前方案。</translation>
    </message>
    <message>
        <source>Running…</source>
        <translation>正在运行…</translation>
    </message>
    <message>
        <source>Calibrate first: without statistics there are no scales.</source>
        <translation>请先校准：没有统计量就没有缩放系数。</translation>
    </message>
</context>
<context>
    <name>ExportResult</name>
    <message>
        <source>Verified in a new process</source>
        <translation>已在新进程中验证</translation>
    </message>
    <message>
        <source>Not verified</source>
        <translation>未通过验证</translation>
    </message>
    <message>
        <source>Open the folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>, the window showed {0}</source>
        <translation>，窗口显示 {0}</translation>
    </message>
    <message>
        <source>Metric on {0} samples</source>
        <translation>{0} 个样本上的指标</translation>
    </message>
    <message>
        <source>Layer by layer, from the kernel&apos;s own input</source>
        <translation>逐层（以核自身的输入）</translation>
    </message>
    <message>
        <source>{0} of the values are equal</source>
        <translation>{0} 的值相等</translation>
    </message>
    <message>
        <source>Same top-1 answer as simulated</source>
        <translation>top-1 答案与模拟相同</translation>
    </message>
    <message>
        <source>Output against the simulation</source>
        <translation>输出与模拟相比</translation>
    </message>
    <message>
        <source>{0} of the {1} that the plan asks for</source>
        <translation>方案要求的 {1} 层中的 {0} 层</translation>
    </message>
    <message>
        <source>Layers in integers</source>
        <translation>整数层</translation>
    </message>
    <message>
        <source>Equal values at the output</source>
        <translation>输出处相等的值</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Runs on ONNX Runtime</source>
        <translation>可运行于 ONNX Runtime</translation>
    </message>
    <message>
        <source>{0} and later</source>
        <translation>{0} 及更高版本</translation>
    </message>
    <message>
        <source>Verified: {0}.</source>
        <translation>验证的含义：{0}。</translation>
    </message>
    <message>
        <source>A step&apos;s difference in an early layer grows on its way through the model, so fewer values of the output are equal; how far apart they are is said by the SQNR above.</source>
        <translation>靠前的层中一个步长的差异会在后续各层中放大，因此输出中相等的值较少；它们相差多少见上面的 SQNR。</translation>
    </message>
    <message>
        <source>and {0} more</source>
        <translation>以及另外 {0} 个</translation>
    </message>
    <message>
        <source>Asked for, but in float:</source>
        <translation>要求量化，但以浮点运行：</translation>
    </message>
    <message>
        <source>Show {0} layers</source>
        <translation>显示 {0} 层</translation>
    </message>
    <message>
        <source>Show layer</source>
        <translation>显示该层</translation>
    </message>
    <message>
        <source>Copy the command</source>
        <translation>复制命令</translation>
    </message>
    <message>
        <source>Builds it on the device:</source>
        <translation>在设备上构建：</translation>
    </message>
</context>
<context>
    <name>Figure</name>
    <message>
        <source>not for the current plan</source>
        <translation>并非当前方案</translation>
    </message>
</context>
<context>
    <name>Figures</name>
    <message>
        <source>{0} points</source>
        <translation>{0} 个百分点</translation>
    </message>
    <message>
        <source>exact</source>
        <translation>精确</translation>
    </message>
</context>
<context>
    <name>Findings</name>
    <message>
        <source>Measured before the last edit; run everything to see whether this still holds:</source>
        <translation>在最近一次编辑之前测得；重新运行全部以确认是否仍然成立：</translation>
    </message>
    <message>
        <source>does not pay: with its borders it {0}</source>
        <translation>不划算：连同其边界{0}</translation>
    </message>
    <message>
        <source>The borders that it adds would cost more than it wins</source>
        <translation>它增加的边界所花的时间会多于节省的时间</translation>
    </message>
    <message>
        <source>wins back ≈ {0} nats</source>
        <translation>可挽回 ≈ {0} nat</translation>
    </message>
    <message>
        <source>Estimated decrease of KL(fp32‖int8), mean per sample</source>
        <translation>KL(fp32‖int8) 的估计减少量，每个样本的均值</translation>
    </message>
    <message>
        <source>Show layer</source>
        <translation>显示该层</translation>
    </message>
    <message>
        <source>Show {0} layers</source>
        <translation>显示 {0} 层</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>The plan changed since: run again</source>
        <translation>方案已改变：请重新运行</translation>
    </message>
    <message>
        <source>One edit, which can be undone</source>
        <translation>一次编辑，可撤销</translation>
    </message>
    <message>
        <source>The remedy&apos;s plan was simulated on the same samples as this one.</source>
        <translation>补救后的方案已在与当前方案相同的样本上仿真。</translation>
    </message>
    <message>
        <source>KL becomes less by {0} nats, with 95 % confidence by {1} to {2}.</source>
        <translation>KL 减少 {0} nat，95% 置信区间为 {1} 到 {2}。</translation>
    </message>
    <message>
        <source>as fast as now (estimated)</source>
        <translation>速度不变（估计）</translation>
    </message>
    <message>
        <source>costs ≈ {0}</source>
        <translation>多用 ≈ {0}</translation>
    </message>
    <message>
        <source>saves ≈ {0}</source>
        <translation>节省 ≈ {0}</translation>
    </message>
</context>
<context>
    <name>FixPage</name>
    <message>
        <source>Run everything</source>
        <translation>全部运行</translation>
    </message>
    <message>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Findings</source>
        <translation>发现</translation>
    </message>
    <message>
        <source>Fusions</source>
        <translation>融合</translation>
    </message>
    <message>
        <source>Remedies</source>
        <translation>补救</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行记录</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>fusions {0} {1}</source>
        <translation>融合 {0} {1}</translation>
    </message>
    <message>
        <source>all</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>After the analysis, what can be won back stands here, each with a remedy to apply.</source>
        <translation>分析之后，可以挽回的问题列在这里，每项都附有可应用的办法。</translation>
    </message>
    <message>
        <source>It was stopped before causes were looked for.</source>
        <translation>分析已停止，尚未查找原因。</translation>
    </message>
    <message>
        <source>The doctor found nothing to mend.</source>
        <translation>诊断没有发现需要修复的问题。</translation>
    </message>
    <message>
        <source>Running…</source>
        <translation>正在运行…</translation>
    </message>
    <message>
        <source>Nothing was analyzed yet.</source>
        <translation>尚未分析。</translation>
    </message>
    <message>
        <source>The plan changed: new figures are on their way.</source>
        <translation>方案已改变：新的结果正在计算。</translation>
    </message>
    <message>
        <source>Quick figures; run everything to measure kernels and time.</source>
        <translation>快速结果；全部运行才能测量核与时间。</translation>
    </message>
    <message>
        <source>Figures of the current plan on all samples.</source>
        <translation>当前方案在全部样本上的结果。</translation>
    </message>
</context>
<context>
    <name>Flags</name>
    <message>
        <source>the plan asks for integers, the kernel is a float one</source>
        <translation>方案要求整数，但实际核是浮点的</translation>
    </message>
    <message>
        <source>stays float</source>
        <translation>保持浮点</translation>
    </message>
    <message>
        <source>float in file</source>
        <translation>文件中为浮点</translation>
    </message>
    <message>
        <source>intermediate sums overflow: up to {0} steps off</source>
        <translation>中间和溢出：最多相差 {0} 级</translation>
    </message>
    <message>
        <source>saturates</source>
        <translation>饱和</translation>
    </message>
    <message>
        <source>the kernel is up to {0} steps off the simulation</source>
        <translation>核与模拟最多相差 {0} 级</translation>
    </message>
    <message>
        <source>kernel ≠ sim</source>
        <translation>核 ≠ 模拟</translation>
    </message>
    <message>
        <source>int8 takes {0} times as long as float</source>
        <translation>int8 耗时是浮点的 {0} 倍</translation>
    </message>
    <message>
        <source>slower</source>
        <translation>更慢</translation>
    </message>
    <message>
        <source>a fusion of this layer is switched off (Fix, Fusions)</source>
        <translation>该层的一个融合已关闭（修复 → 融合）</translation>
    </message>
    <message>
        <source>fusion off</source>
        <translation>融合关闭</translation>
    </message>
    <message>
        <source>this layer has another qconfig of its own than the plan to begin with gave it</source>
        <translation>该层自身的 qconfig 与初始方案给它的不同</translation>
    </message>
    <message>
        <source>edited</source>
        <translation>已编辑</translation>
    </message>
    <message>
        <source>ONNX Runtime runs this layer of the file in integers: {0}</source>
        <translation>ONNX Runtime 以整数运行文件中的这一层：{0}</translation>
    </message>
    <message>
        <source>the file has this layer in integers, and ONNX Runtime computes it in float, between dequantizers and quantizers: {0}</source>
        <translation>文件以整数存储这一层，而 ONNX Runtime 在反量化与量化之间以浮点计算它：{0}</translation>
    </message>
</context>
<context>
    <name>FoundCard</name>
    <message>
        <source>What was found</source>
        <translation>发现的内容</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>来源</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>参数</translation>
    </message>
    <message>
        <source>{0} M ({1} MB as float32)</source>
        <translation>{0} M（float32 占 {1} MB）</translation>
    </message>
    <message>
        <source>any size</source>
        <translation>任意大小</translation>
    </message>
    <message>
        <source>fixed: samples go through one by one</source>
        <translation>固定：样本逐个通过</translation>
    </message>
    <message>
        <source>Multiply-adds</source>
        <translation>乘加次数</translation>
    </message>
    <message>
        <source>{0} M per sample</source>
        <translation>每个样本 {0} M</translation>
    </message>
    <message>
        <source>Inputs</source>
        <translation>输入</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>批</translation>
    </message>
    <message>
        <source>Runs code</source>
        <translation>运行代码</translation>
    </message>
    <message>
        <source>yes, you allowed it</source>
        <translation>是，您已允许</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>{0} layers in integers ({1})</source>
        <translation>{0} 层为整数（{1}）</translation>
    </message>
    <message>
        <source>it carries no plan of its own</source>
        <translation>文件不含自己的方案</translation>
    </message>
    <message>
        <source>the plan that made it is in the file</source>
        <translation>文件中含有生成它的方案</translation>
    </message>
    <message>
        <source>Quantized</source>
        <translation>量化</translation>
    </message>
    <message>
        <source>ONNX Runtime is being asked…</source>
        <translation>正在询问 ONNX Runtime…</translation>
    </message>
    <message>
        <source>{0} of {1} layers in ONNX Runtime&apos;s integer kernels</source>
        <translation>{1} 层中有 {0} 层在 ONNX Runtime 的整数核中运行</translation>
    </message>
    <message>
        <source>Kernels</source>
        <translation>核</translation>
    </message>
</context>
<context>
    <name>FusionLedger</name>
    <message>
        <source>Pattern</source>
        <translation>模式</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>原因</translation>
    </message>
    <message>
        <source>max |Δ|</source>
        <translation>最大 |Δ|</translation>
    </message>
    <message>
        <source>What is merged into what; the box turns it on or off</source>
        <translation>什么并入什么；复选框可开关</translation>
    </message>
    <message>
        <source>The layer that stays, and those that it absorbs</source>
        <translation>保留的层，以及它吸收的层</translation>
    </message>
    <message>
        <source>Fused, off by your choice, or blocked</source>
        <translation>已融合、由您关闭，或受阻</translation>
    </message>
    <message>
        <source>Why it cannot be fused</source>
        <translation>不能融合的原因</translation>
    </message>
    <message>
        <source>Largest difference of the layer&apos;s output before and after folding, in float</source>
        <translation>折叠前后该层输出的最大差（浮点）</translation>
    </message>
    <message>
        <source>Fusions</source>
        <translation>融合</translation>
    </message>
    <message>
        <source>All on</source>
        <translation>全部开启</translation>
    </message>
    <message>
        <source>All off</source>
        <translation>全部关闭</translation>
    </message>
    <message>
        <source>After the analysis, every BatchNorm and ReLU that could be fused is listed here.</source>
        <translation>分析之后，这里列出所有可融合的 BatchNorm 和 ReLU。</translation>
    </message>
    <message>
        <source>all patterns ({0})</source>
        <translation>所有模式（{0}）</translation>
    </message>
</context>
<context>
    <name>FusionModel</name>
    <message>
        <source>on</source>
        <translation>开启</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>{0}, to be computed</source>
        <translation>{0}，待计算</translation>
    </message>
    <message>
        <source>fused</source>
        <translation>已融合</translation>
    </message>
    <message>
        <source>blocked</source>
        <translation>受阻</translation>
    </message>
</context>
<context>
    <name>GainScatter</name>
    <message>
        <source>Error against time won</source>
        <translation>误差与节省的时间</translation>
    </message>
    <message>
        <source>Run the analysis with latency to see which layers are worth quantizing.</source>
        <translation>运行带计时的分析，即可看出哪些层值得量化。</translation>
    </message>
    <message>
        <source>share of the output error, estimated (%)</source>
        <translation>占输出误差的估计份额（%）</translation>
    </message>
    <message>
        <source>time won by int8 (µs)</source>
        <translation>int8 节省的时间（µs）</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>{} layers</source>
        <translation>{} 层</translation>
    </message>
    <message>
        <source>{} selected: {:.1f}% of the error, {:+.0f} µs</source>
        <translation>已选 {}：误差的 {:.1f}%，{:+.0f} µs</translation>
    </message>
    <message>
        <source>drag to select</source>
        <translation>拖动可选择</translation>
    </message>
    <message>
        <source>{}
{:.2g}% of the error, {:+.0f} µs</source>
        <translation>{}
误差的 {:.2g}%，{:+.0f} µs</translation>
    </message>
</context>
<context>
    <name>Geometry</name>
    <message>
        <source>{0} parameters</source>
        <translation>{0} 个参数</translation>
    </message>
    <message>
        <source>{0} multiply-adds</source>
        <translation>{0} 次乘加</translation>
    </message>
    <message>
        <source>stride {0}</source>
        <translation>步幅 {0}</translation>
    </message>
    <message>
        <source>padding {0}</source>
        <translation>填充 {0}</translation>
    </message>
    <message>
        <source>dilation {0}</source>
        <translation>膨胀 {0}</translation>
    </message>
    <message>
        <source>groups {0}</source>
        <translation>分组 {0}</translation>
    </message>
</context>
<context>
    <name>GraphCanvas</name>
    <message>
        <source>Layer graph</source>
        <translation>层图</translation>
    </message>
    <message>
        <source>layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>mixed</source>
        <translation>混合</translation>
    </message>
</context>
<context>
    <name>GraphView</name>
    <message>
        <source>{0} layers selected</source>
        <translation>已选择 {0} 层</translation>
    </message>
    <message>
        <source>Find…</source>
        <translation>查找…</translation>
    </message>
    <message>
        <source>Find a layer</source>
        <translation>查找层</translation>
    </message>
    <message>
        <source>Colour by</source>
        <translation>着色依据</translation>
    </message>
    <message>
        <source>What the colours of the layers stand for</source>
        <translation>各层颜色的含义</translation>
    </message>
    <message>
        <source>Show the whole graph</source>
        <translation>显示整个图</translation>
    </message>
    <message>
        <source>Show the selected layer</source>
        <translation>显示所选的层</translation>
    </message>
    <message>
        <source>Collapse to some forty blocks</source>
        <translation>折叠到约四十个模块</translation>
    </message>
    <message>
        <source>Open every block</source>
        <translation>展开所有模块</translation>
    </message>
    <message>
        <source>Levels of modules that are open</source>
        <translation>展开的模块级数</translation>
    </message>
    <message>
        <source>Levels of modules that are open ([ and ])</source>
        <translation>展开的模块级数（[ 和 ]）</translation>
    </message>
    <message>
        <source>The layer graph appears here once a model is open.</source>
        <translation>打开模型后，这里显示层图。</translation>
    </message>
    <message>
        <source>Export the graph as {}…</source>
        <translation>将图导出为 {}…</translation>
    </message>
    <message>
        <source>Close the block</source>
        <translation>收起该块</translation>
    </message>
    <message>
        <source>Open the block</source>
        <translation>展开该块</translation>
    </message>
    <message>
        <source>Export the graph</source>
        <translation>导出图</translation>
    </message>
    <message>
        <source>{} found</source>
        <translation>找到 {} 个</translation>
    </message>
    <message>
        <source>{} of {}</source>
        <translation>第 {} 个，共 {} 个</translation>
    </message>
</context>
<context>
    <name>GrowthPlot</name>
    <message>
        <source>Range against samples</source>
        <translation>范围与样本数</translation>
    </message>
    <message>
        <source>Calibrate on eight samples or more to see how the ranges grow.</source>
        <translation>用八个或更多样本校准，即可看到范围如何增长。</translation>
    </message>
    <message>
        <source>samples</source>
        <translation>样本数</translation>
    </message>
    <message>
        <source>range (% of all)</source>
        <translation>范围（占全部的 %）</translation>
    </message>
    <message>
        <source>median tensor</source>
        <translation>中位张量</translation>
    </message>
    <message>
        <source>tenth percentile</source>
        <translation>第十百分位</translation>
    </message>
</context>
<context>
    <name>HelpWindow</name>
    <message>
        <source>Help</source>
        <translation>帮助</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>页面</translation>
    </message>
</context>
<context>
    <name>HistogramPlot</name>
    <message>
        <source>log</source>
        <translation>对数</translation>
    </message>
    <message>
        <source>Logarithmic vertical axis</source>
        <translation>纵轴取对数</translation>
    </message>
    <message>
        <source>Activation histogram</source>
        <translation>激活直方图</translation>
    </message>
    <message>
        <source>Calibrate to see the distribution of the layer&apos;s activation.</source>
        <translation>校准后可查看该层激活的分布。</translation>
    </message>
    <message>
        <source>value</source>
        <translation>数值</translation>
    </message>
    <message>
        <source>share (%)</source>
        <translation>份额（%）</translation>
    </message>
    <message>
        <source>clipped {} (below {}, above {})</source>
        <translation>截断 {}（下方 {}，上方 {}）</translation>
    </message>
    <message>
        <source>zeros {}</source>
        <translation>零值 {}</translation>
    </message>
    <message>
        <source>SQNR ≈ {:.1f} dB</source>
        <translation>SQNR ≈ {:.1f} dB</translation>
    </message>
    <message>
        <source>range {:.4g} … {:.4g}</source>
        <translation>范围 {:.4g} … {:.4g}</translation>
    </message>
    <message>
        <source>scale {:.4g}, zero point {}</source>
        <translation>缩放 {:.4g}，零点 {}</translation>
    </message>
    <message>
        <source>{} bit</source>
        <translation>{} 位</translation>
    </message>
    <message>
        <source>min {:.4g}, max {:.4g} (dotted)</source>
        <translation>最小 {:.4g}，最大 {:.4g}（点线）</translation>
    </message>
    <message>
        <source>outlined: {}</source>
        <translation>轮廓线：{}</translation>
    </message>
    <message>
        <source>SQNR is 10 log10(Σ y² / Σ (y − ŷ)²). With ≈ it is that of this histogram on this grid: the activation alone, on the calibration samples. That of the layer was measured, weights included, on the final split: “Local” in the table of layers; that of a candidate on a few samples of the select split, as in the list below (F1 here: Terms, SQNR)</source>
        <translation>SQNR 为 10 log10(Σ y² / Σ (y − ŷ)²)。带 ≈ 的是该直方图在此网格上的值：仅激活，基于校准样本。该层的 SQNR 是在最终划分上实测的，包含权重：即层表中的“局部”；候选的 SQNR 则基于选择划分的少量样本，与下方列表相同（在此按 F1：术语，SQNR）</translation>
    </message>
    <message>
        <source>candidate&apos;s SQNR {:.1f} dB</source>
        <translation>候选的 SQNR {:.1f} dB</translation>
    </message>
    <message>
        <source>SQNR ≈ {:.1f} dB, layer {:.1f} dB</source>
        <translation>SQNR ≈ {:.1f} dB，该层 {:.1f} dB</translation>
    </message>
    <message>
        <source>SQNR ≈ {:.1f} dB, candidate {:.1f} dB</source>
        <translation>SQNR ≈ {:.1f} dB，候选 {:.1f} dB</translation>
    </message>
    <message>
        <source>SQNR measured {:.1f} dB</source>
        <translation>实测 SQNR {:.1f} dB</translation>
    </message>
    <message>
        <source>clipped {} below</source>
        <translation>截断 {}（下方）</translation>
    </message>
    <message>
        <source>clipped {} above</source>
        <translation>截断 {}（上方）</translation>
    </message>
    <message>
        <source>nothing clipped</source>
        <translation>无截断</translation>
    </message>
    <message>
        <source>clipped {0}</source>
        <translation>截断 {0}</translation>
    </message>
</context>
<context>
    <name>Job</name>
    <message>
        <source>does not stop; it is at {0}</source>
        <translation>没有停止；它在 {0}</translation>
    </message>
    <message>
        <source>The window goes on without it. It still takes a processor: start qinspect anew to time anything.</source>
        <translation>窗口不再等待它。它仍占用处理器：测量时间前请重新启动 qinspect。</translation>
    </message>
</context>
<context>
    <name>JobStrip</name>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>Pause; the computer is free for something else</source>
        <translation>暂停；计算机可做其他事情</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Stop; what was computed before stays (Ctrl+.)</source>
        <translation>停止；之前算出的结果会保留 (Ctrl+.)</translation>
    </message>
    <message>
        <source>{0} left</source>
        <translation>剩余 {0}</translation>
    </message>
    <message>
        <source>{0} so far</source>
        <translation>已用 {0}</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>stopping…</source>
        <translation>正在停止…</translation>
    </message>
</context>
<context>
    <name>Keeper</name>
    <message>
        <source>Opening {0}</source>
        <translation>正在打开 {0}</translation>
    </message>
    <message>
        <source>the last session</source>
        <translation>上次的会话</translation>
    </message>
    <message>
        <source>Saving {0}</source>
        <translation>正在保存 {0}</translation>
    </message>
    <message>
        <source>kept {0}</source>
        <translation>已保留 {0}</translation>
    </message>
</context>
<context>
    <name>KernelPlot</name>
    <message>
        <source>Kernel against simulation</source>
        <translation>核与模拟的对比</translation>
    </message>
    <message>
        <source>Run the analysis with kernel checks to compare what the integer kernel computes.</source>
        <translation>运行带核检查的分析，即可对比整数核的计算结果。</translation>
    </message>
    <message>
        <source>at most one step</source>
        <translation>最多一级</translation>
    </message>
    <message>
        <source>more</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>kernel − simulation (steps)</source>
        <translation>核 − 模拟（级）</translation>
    </message>
    <message>
        <source>number of values</source>
        <translation>数值个数</translation>
    </message>
    <message>
        <source>largest difference {} steps</source>
        <translation>最大相差 {} 级</translation>
    </message>
    <message>
        <source>{:.2f}% equal</source>
        <translation>{:.2f}% 相等</translation>
    </message>
    <message>
        <source>{:.2f}% within one step</source>
        <translation>{:.2f}% 相差不超过一级</translation>
    </message>
    <message>
        <source>the kernel saturates</source>
        <translation>该核会饱和</translation>
    </message>
    <message>
        <source>±128 stands for more, too</source>
        <translation>±128 也代表更大的差</translation>
    </message>
</context>
<context>
    <name>KernelScatter</name>
    <message>
        <source>Kernel and simulation, value by value</source>
        <translation>核与模拟，逐值对比</translation>
    </message>
    <message>
        <source>Run the analysis with kernel checks to compare what the integer kernel computes.</source>
        <translation>运行带核检查的分析，即可对比整数核的计算结果。</translation>
    </message>
    <message>
        <source>simulation (steps)</source>
        <translation>模拟（级）</translation>
    </message>
    <message>
        <source>kernel (steps)</source>
        <translation>核（级）</translation>
    </message>
    <message>
        <source>at most one step</source>
        <translation>最多一级</translation>
    </message>
    <message>
        <source>more</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>{0} of {1} values: drawn evenly, and the farthest apart; on the line both are equal</source>
        <translation>{1} 个值中的 {0} 个：均匀抽取，加上相差最大的；在线上表示两者相等</translation>
    </message>
</context>
<context>
    <name>LatencyPlot</name>
    <message>
        <source>How many layers</source>
        <translation>显示多少层</translation>
    </message>
    <message>
        <source>slowest {}</source>
        <translation>最慢的 {} 层</translation>
    </message>
    <message>
        <source>Latency of the layers</source>
        <translation>各层的延迟</translation>
    </message>
    <message>
        <source>Measure latency to see what each layer costs.</source>
        <translation>测量延迟后可查看每层的耗时。</translation>
    </message>
    <message>
        <source>median time (µs)</source>
        <translation>中位时间（µs）</translation>
    </message>
    <message>
        <source>layer</source>
        <translation>层</translation>
    </message>
    <message>
        <source>borders</source>
        <translation>边界</translation>
    </message>
    <message>
        <source>{} of {} layers · sum {:.2f} ms fp32, {:.2f} ms int8</source>
        <translation>{1} 层中的 {0} 层 · 合计 fp32 {2:.2f} ms，int8 {3:.2f} ms</translation>
    </message>
    <message>
        <source> · {:.2f} ms of it at borders between float and int8</source>
        <translation> · 其中 {:.2f} ms 在浮点与 int8 的边界上</translation>
    </message>
    <message>
        <source> · {} slower in int8</source>
        <translation> · {} 层在 int8 下更慢</translation>
    </message>
    <message>
        <source> · whiskers: from the lower to the upper quartile</source>
        <translation> · 须线：从下四分位到上四分位</translation>
    </message>
</context>
<context>
    <name>LayerMenu</name>
    <message>
        <source>pasted qconfig</source>
        <translation>粘贴的量化配置</translation>
    </message>
    <message>
        <source>{0} layers, {1} of them hidden by the filter</source>
        <translation>{0} 层，其中 {1} 层被筛选隐藏</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>Leave in float</source>
        <translation>保持浮点</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Activations</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>Follow the default</source>
        <translation>跟随默认</translation>
    </message>
    <message>
        <source>Copy qconfig</source>
        <translation>复制量化配置</translation>
    </message>
    <message>
        <source>Paste qconfig</source>
        <translation>粘贴量化配置</translation>
    </message>
    <message>
        <source>All {0} like this one</source>
        <translation>所有 {0} 与此相同</translation>
    </message>
    <message>
        <source>same</source>
        <translation>同样配置</translation>
    </message>
    <message>
        <source>All in {0} like this one</source>
        <translation>{0} 内全部与此相同</translation>
    </message>
    <message>
        <source>Edit by pattern…</source>
        <translation>按模式编辑…</translation>
    </message>
    <message>
        <source>Select all {0}</source>
        <translation>选择所有 {0}</translation>
    </message>
    <message>
        <source>Save its integers as evidence…</source>
        <translation>将其整数保存为证据…</translation>
    </message>
    <message>
        <source>at these places of blocks</source>
        <translation>块中同一位置的层</translation>
    </message>
    <message>
        <source>Select all {0} ({1})</source>
        <translation>选择所有{0}（{1}）</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>{0} bits</source>
        <translation>{0} 位</translation>
    </message>
    <message>
        <source>dynamic: each batch&apos;s own range</source>
        <translation>动态：每批各自的范围</translation>
    </message>
    <message>
        <source>Fusions</source>
        <translation>融合</translation>
    </message>
    <message>
        <source>blocked</source>
        <translation>受阻</translation>
    </message>
</context>
<context>
    <name>LayerTree</name>
    <message>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Filter: name, operator, type, flag</source>
        <translation>筛选：名称、算子、类型、标记</translation>
    </message>
    <message>
        <source>Filter layers</source>
        <translation>筛选层</translation>
    </message>
    <message>
        <source>Columns</source>
        <translation>列</translation>
    </message>
    <message>
        <source>Which columns are shown</source>
        <translation>显示哪些列</translation>
    </message>
    <message>
        <source>In execution order, without modules</source>
        <translation>按执行顺序，不分模块</translation>
    </message>
    <message>
        <source>Show absorbed layers: folded BatchNorms, fused ReLUs</source>
        <translation>显示被并入的层：折叠的 BatchNorm、融合的 ReLU</translation>
    </message>
    <message>
        <source>No layer matches “{0}”.</source>
        <translation>没有与“{0}”匹配的层。</translation>
    </message>
</context>
<context>
    <name>Layers</name>
    <message>
        <source>not measured: Run, “Measure every layer alone” does that</source>
        <translation>尚未测量：运行菜单的“单独测量每一层”会测量它</translation>
    </message>
    <message>
        <source>fused: {0}</source>
        <translation>已融合：{0}</translation>
    </message>
    <message>
        <source>fused into {0}</source>
        <translation>已融合进 {0}</translation>
    </message>
    <message>
        <source>stays float: {0}</source>
        <translation>保持浮点：{0}</translation>
    </message>
    <message>
        <source>figures in italics belong to another plan</source>
        <translation>斜体数字属于另一方案</translation>
    </message>
</context>
<context>
    <name>LayersPage</name>
    <message>
        <source>Calibrate and analyze</source>
        <translation>校准并分析</translation>
    </message>
    <message>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <source>Copy table</source>
        <translation>复制表格</translation>
    </message>
    <message>
        <source>Italics are of “{0}”, on other data or by another metric.</source>
        <translation>斜体为“{0}”的数据，来自其他数据集或其他指标。</translation>
    </message>
    <message>
        <source>No figures yet: choose data, confirm the float metric, then Calibrate and analyze.</source>
        <translation>尚无结果：选择数据，确认浮点指标，然后校准并分析。</translation>
    </message>
    <message>
        <source>No figures yet: Ctrl+Enter calibrates and analyzes.</source>
        <translation>尚无结果：按 Ctrl+Enter 校准并分析。</translation>
    </message>
    <message>
        <source>Edited: italics are of “{0}”.</source>
        <translation>已编辑：斜体数字属于“{0}”。</translation>
    </message>
    <message>
        <source>The first figures are on their way.</source>
        <translation>首次数据即将得出。</translation>
    </message>
    <message>
        <source>Times and kernels in italics are of an older run; Ctrl+Enter runs all.</source>
        <translation>斜体的时间和核结果来自较早的运行；Ctrl+Enter 全部运行。</translation>
    </message>
    <message>
        <source>Figures of “{0}”, on all samples.</source>
        <translation>“{0}”在全部样本上的数据。</translation>
    </message>
    <message>
        <source>Open a model to see its layers here.</source>
        <translation>打开模型后，这里显示各层。</translation>
    </message>
</context>
<context>
    <name>Legend</name>
    <message>
        <source>Legend</source>
        <translation>图例</translation>
    </message>
    <message>
        <source>Share of the output error, estimated (%)</source>
        <translation>占输出误差的估计份额（%）</translation>
    </message>
    <message>
        <source>Error share, est. (%)</source>
        <translation>误差份额，估计（%）</translation>
    </message>
    <message>
        <source>Estimated KL (nat)</source>
        <translation>估计 KL（nat）</translation>
    </message>
    <message>
        <source>Latency (µs)</source>
        <translation>延迟（µs）</translation>
    </message>
    <message>
        <source>Type of the kernel</source>
        <translation>核的类型</translation>
    </message>
    <message>
        <source>, log scale</source>
        <translation>，对数刻度</translation>
    </message>
    <message>
        <source> · stale</source>
        <translation> · 已过时</translation>
    </message>
    <message>
        <source>{0}: not measured yet</source>
        <translation>{0}：尚未测量</translation>
    </message>
    <message>
        <source>to int8 (Q)</source>
        <translation>到 int8 (Q)</translation>
    </message>
    <message>
        <source>to float (DQ)</source>
        <translation>到浮点 (DQ)</translation>
    </message>
    <message>
        <source>mixed</source>
        <translation>混合</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>tried: {0}</source>
        <translation>试验：{0}</translation>
    </message>
    <message>
        <source>restore {0}</source>
        <translation>恢复 {0}</translation>
    </message>
    <message>
        <source>all samples</source>
        <translation>全部样本</translation>
    </message>
    <message>
        <source>quick figures</source>
        <translation>快速结果</translation>
    </message>
    <message>
        <source>figures are of another plan</source>
        <translation>结果属于另一方案</translation>
    </message>
    <message>
        <source>figures are of other data</source>
        <translation>数据来自其他数据集</translation>
    </message>
    <message>
        <source>Target: {0}</source>
        <translation>目标：{0}</translation>
    </message>
    <message>
        <source>Apply: {0}</source>
        <translation>应用：{0}</translation>
    </message>
    <message>
        <source>Selected layer</source>
        <translation>选中的层</translation>
    </message>
    <message>
        <source>Export: {0}</source>
        <translation>导出：{0}</translation>
    </message>
    <message>
        <source>Wrote {0}</source>
        <translation>已写入 {0}</translation>
    </message>
</context>
<context>
    <name>Matrix</name>
    <message>
        <source>SQNR (dB)</source>
        <translation>SQNR（dB）</translation>
    </message>
    <message>
        <source>exact</source>
        <translation>精确</translation>
    </message>
    <message>
        <source>Rests on single values that are cut off, of which a share was counted; some dB off</source>
        <translation>取决于被截断的个别数值，其中只统计了一部分：可能有几 dB 偏差</translation>
    </message>
    <message>
        <source>What the plan has</source>
        <translation>方案当前的设置</translation>
    </message>
    <message>
        <source>sym</source>
        <translation>对称</translation>
    </message>
    <message>
        <source>aff</source>
        <translation>仿射</translation>
    </message>
</context>
<context>
    <name>Menus</name>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>Open &amp;model…</source>
        <translation>打开模型(&amp;M)…</translation>
    </message>
    <message>
        <source>Open &amp;data…</source>
        <translation>打开数据(&amp;D)…</translation>
    </message>
    <message>
        <source>Open &amp;plan…</source>
        <translation>打开方案(&amp;P)…</translation>
    </message>
    <message>
        <source>Open &amp;session…</source>
        <translation>打开会话(&amp;S)…</translation>
    </message>
    <message>
        <source>&amp;Recent</source>
        <translation>最近打开(&amp;R)</translation>
    </message>
    <message>
        <source>Open the demo</source>
        <translation>打开演示</translation>
    </message>
    <message>
        <source>&amp;Save session…</source>
        <translation>保存会话(&amp;S)…</translation>
    </message>
    <message>
        <source>Save p&amp;lan…</source>
        <translation>保存方案(&amp;L)…</translation>
    </message>
    <message>
        <source>&amp;Bring back measurements…</source>
        <translation>导入测量结果(&amp;B)…</translation>
    </message>
    <message>
        <source>Save &amp;report…</source>
        <translation>保存报告(&amp;R)…</translation>
    </message>
    <message>
        <source>&amp;Export…</source>
        <translation>导出(&amp;E)…</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>退出(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>撤销(&amp;U)</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>重做(&amp;R)</translation>
    </message>
    <message>
        <source>Copy qconfig</source>
        <translation>复制量化配置</translation>
    </message>
    <message>
        <source>Paste qconfig</source>
        <translation>粘贴量化配置</translation>
    </message>
    <message>
        <source>Edit by pattern…</source>
        <translation>按模式编辑…</translation>
    </message>
    <message>
        <source>Find a layer</source>
        <translation>查找层</translation>
    </message>
    <message>
        <source>Select all layers</source>
        <translation>选择所有层</translation>
    </message>
    <message>
        <source>&amp;Run</source>
        <translation>运行(&amp;R)</translation>
    </message>
    <message>
        <source>Calibrate and analyze</source>
        <translation>校准并分析</translation>
    </message>
    <message>
        <source>Quick figures</source>
        <translation>快速结果</translation>
    </message>
    <message>
        <source>Measure every layer alone</source>
        <translation>单独测量每一层</translation>
    </message>
    <message>
        <source>Isolated and leave-one-out errors at the output, exactly; some forward passes a layer</source>
        <translation>精确测量输出端的单独误差和留一误差；每层需若干次前向</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Theme</source>
        <translation>主题(&amp;T)</translation>
    </message>
    <message>
        <source>Follow the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>&amp;Language</source>
        <translation>语言(&amp;L)</translation>
    </message>
    <message>
        <source>Runs and log</source>
        <translation>运行记录和日志</translation>
    </message>
    <message>
        <source>Reset layout</source>
        <translation>恢复默认布局</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
    <message>
        <source>All commands…</source>
        <translation>所有命令…</translation>
    </message>
    <message>
        <source>Help on what the mouse points at, or on this step</source>
        <translation>鼠标所指内容或本步骤的帮助</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>About qinspect</source>
        <translation>关于 qinspect</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>步骤</translation>
    </message>
</context>
<context>
    <name>MetricCard</name>
    <message>
        <source>Float metric</source>
        <translation>浮点指标</translation>
    </message>
    <message>
        <source>Metric</source>
        <translation>指标</translation>
    </message>
    <message>
        <source>What the outputs are judged by; a callable gets outputs and targets, and gives a number</source>
        <translation>评判输出的标准；可调用对象接收输出和目标，返回一个数</translation>
    </message>
    <message>
        <source>metric.py:function</source>
        <translation>metric.py:function</translation>
    </message>
    <message>
        <source>Function of your own</source>
        <translation>自定义函数</translation>
    </message>
    <message>
        <source>metric(outputs, targets) → float; with attributes higher_is_better and unit. Enter opens it.</source>
        <translation>metric(outputs, targets) → float；可带属性 higher_is_better 和 unit。按 Enter 打开。</translation>
    </message>
    <message>
        <source>Output that is judged</source>
        <translation>用于评判的输出</translation>
    </message>
    <message>
        <source>Of several outputs the one that metric, agreement and KL are of</source>
        <translation>有多个输出时，指标、一致率和 KL 所依据的那一个</translation>
    </message>
    <message>
        <source>This is right: confirm</source>
        <translation>正确，确认</translation>
    </message>
    <message>
        <source>Nothing is quantized before the float figure was confirmed</source>
        <translation>确认浮点指标之前不会进行量化</translation>
    </message>
    <message>
        <source>Next: target</source>
        <translation>下一步：目标</translation>
    </message>
    <message>
        <source>Run the float model</source>
        <translation>运行浮点模型</translation>
    </message>
    <message>
        <source>function of your own…</source>
        <translation>自定义函数…</translation>
    </message>
    <message>
        <source>Confirmed</source>
        <translation>已确认</translation>
    </message>
    <message>
        <source>The float model was stopped before it had seen all samples.</source>
        <translation>浮点模型在看完全部样本之前被停止。</translation>
    </message>
    <message>
        <source>The fields say otherwise than the data that are open: open them again.</source>
        <translation>字段与已打开的数据不一致：请重新打开数据。</translation>
    </message>
    <message>
        <source>The float model runs on the data.</source>
        <translation>正在用浮点模型处理数据。</translation>
    </message>
    <message>
        <source>without labels</source>
        <translation>不用标签</translation>
    </message>
    <message>
        <source>The labels are left aside: on {0} samples agreement with the float model will count.</source>
        <translation>不使用标签：以 {0} 个样本上与浮点模型的一致率为准。</translation>
    </message>
    <message>
        <source>no classes</source>
        <translation>没有类别</translation>
    </message>
    <message>
        <source>{0} samples without labels, and outputs that are no scores of classes: how near they stay to the float model&apos;s will count. If they are scores after all, choose “agreement”.</source>
        <translation>{0} 个样本没有标签，输出也不是类别得分：将以其与浮点模型输出的接近程度为准。如果确实是得分，请选择“agreement”。</translation>
    </message>
    <message>
        <source>no labels</source>
        <translation>无标签</translation>
    </message>
    <message>
        <source>{0} samples without labels: agreement with the float model will count. Look whether its answers make sense.</source>
        <translation>{0} 个样本没有标签：将以与浮点模型的一致率为准。请看它的答案是否合理。</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>higher is better</source>
        <translation>越高越好</translation>
    </message>
    <message>
        <source>lower is better</source>
        <translation>越低越好</translation>
    </message>
    <message>
        <source>{0} of the float model on {1} samples ({2}).</source>
        <translation>浮点模型在 {1} 个样本上的 {0}（{2}）。</translation>
    </message>
    <message>
        <source>Few are to report on, so {0} of other splits count here.</source>
        <translation>用于报告的样本很少，因此这里也计入其他划分的 {0} 个样本。</translation>
    </message>
    <message>
        <source>95% sure: {0} to {1}.</source>
        <translation>95% 置信区间：{0} 至 {1}。</translation>
    </message>
    <message>
        <source>Is that what it should reach?</source>
        <translation>这是它应达到的值吗？</translation>
    </message>
</context>
<context>
    <name>Minimap</name>
    <message>
        <source>Overview of the graph</source>
        <translation>图的概览</translation>
    </message>
    <message>
        <source>Click or drag to go there</source>
        <translation>单击或拖动可前往该处</translation>
    </message>
</context>
<context>
    <name>OpenPage</name>
    <message>
        <source>See what quantization does to a model, layer by layer: what the numbers look like, how wrong they become, what they cost.</source>
        <translation>逐层查看量化对模型的影响：数值的样子、误差有多大、代价是多少。</translation>
    </message>
    <message>
        <source>Next: choose data</source>
        <translation>下一步：选择数据</translation>
    </message>
    <message>
        <source>New here?</source>
        <translation>初次使用？</translation>
    </message>
    <message>
        <source>MobileNetV2 with its ImageNet weights and real photographs, everything on this computer.</source>
        <translation>MobileNetV2 及其 ImageNet 权重和真实照片，全部在本机上。</translation>
    </message>
    <message>
        <source>Open the demo</source>
        <translation>打开演示</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Last session</source>
        <translation>上次的会话</translation>
    </message>
    <message>
        <source>Open a model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <source>optional: .safetensors, .pt, .pth</source>
        <translation>可选：.safetensors、.pt、.pth</translation>
    </message>
    <message>
        <source>optional: 1,3,224,224</source>
        <translation>可选：1,3,224,224</translation>
    </message>
    <message>
        <source>A file, or Python code that returns the model: file.py:callable or package.module:callable. Code runs only after you said so.</source>
        <translation>文件，或返回模型的 Python 代码：file.py:callable 或 package.module:callable。代码只有经您同意才会运行。</translation>
    </message>
    <message>
        <source>A checkpoint for the module that the code builds; nothing in it is executed.</source>
        <translation>供代码所建模块使用的检查点；其中的任何内容都不会被执行。</translation>
    </message>
    <message>
        <source>Batch first; several inputs joined by ;</source>
        <translation>批在最前；多个输入用 ; 分隔</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>模型(&amp;M)</translation>
    </message>
    <message>
        <source>Three steps to the verdict</source>
        <translation>三步得出结论</translation>
    </message>
    <message>
        <source>Name a model. Its layers, BatchNorms and fusions are listed at once.</source>
        <translation>指定一个模型。它的层、BatchNorm 和融合会立即列出。</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>目标</translation>
    </message>
    <message>
        <source>&amp;Weights</source>
        <translation>权重(&amp;W)</translation>
    </message>
    <message>
        <source>Input &amp;shape</source>
        <translation>输入形状(&amp;S)</translation>
    </message>
    <message>
        <source>Choose a file</source>
        <translation>选择文件</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Recent</source>
        <translation>最近打开</translation>
    </message>
    <message>
        <source>Recent models and sessions</source>
        <translation>最近打开的模型和会话</translation>
    </message>
    <message>
        <source>Models and sessions that you open are listed here.</source>
        <translation>您打开过的模型和会话列在这里。</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>数据</translation>
    </message>
    <message>
        <source>Choose images or arrays. You see the samples as the model will, and the float metric: wrong preprocessing is the commonest cause of an “int8 drop”.</source>
        <translation>选择图像或数组。您会看到模型实际看到的样本和浮点指标：预处理错误是“int8 掉点”最常见的原因。</translation>
    </message>
    <message>
        <source>Choose where it will run and press Calibrate and analyze. The verdict says what int8 does to accuracy and speed, which layers are to blame, and how to win it back.</source>
        <translation>选择运行的目标，然后按“校准并分析”。结论会说明 int8 对精度和速度的影响、问题出在哪些层，以及如何挽回。</translation>
    </message>
    <message>
        <source>They are the first three of the bar above. Verdict, Layers, Fix and Export follow once there are figures; you can go back and forth at any time.</source>
        <translation>它们就是上方步骤栏的前三步。有了结果之后是结论、层、修复和导出；随时可以来回切换。</translation>
    </message>
    <message>
        <source>You can also drop a model, a data folder, a plan or a session onto the window.</source>
        <translation>也可以把模型、数据文件夹、方案或会话拖到窗口上。</translation>
    </message>
    <message>
        <source>Models ({0});;All files (*)</source>
        <translation>模型 ({0});;所有文件 (*)</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Checkpoints ({0})</source>
        <translation>检查点 ({0})</translation>
    </message>
    <message>
        <source>left {0}</source>
        <translation>{0} 搁置</translation>
    </message>
    <message>
        <source>Demo</source>
        <translation>演示</translation>
    </message>
    <message>
        <source>Go on with {0}</source>
        <translation>继续 {0}</translation>
    </message>
    <message>
        <source>model.pt2, model.onnx, model.py:build, package:build</source>
        <translation>model.pt2、model.onnx、model.py:build、package:build</translation>
    </message>
</context>
<context>
    <name>Opening</name>
    <message>
        <source>plan {0}</source>
        <translation>方案 {0}</translation>
    </message>
    <message>
        <source>{0} is the plan that is open</source>
        <translation>{0} 就是当前打开的方案</translation>
    </message>
</context>
<context>
    <name>Overlay</name>
    <message>
        <source>No colour</source>
        <translation>不着色</translation>
    </message>
    <message>
        <source>Error share</source>
        <translation>误差份额</translation>
    </message>
    <message>
        <source>Sensitivity</source>
        <translation>敏感度</translation>
    </message>
    <message>
        <source>Latency</source>
        <translation>延迟</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>output: {}</source>
        <translation>输出：{}</translation>
    </message>
    <message>
        <source>{} layers</source>
        <translation>{} 层</translation>
    </message>
    <message>
        <source>type: {}</source>
        <translation>类型：{}</translation>
    </message>
    <message>
        <source>share of the output error, estimated: {}</source>
        <translation>占输出误差的估计份额：{}</translation>
    </message>
    <message>
        <source>estimated KL: {}</source>
        <translation>估计 KL：{}</translation>
    </message>
    <message>
        <source>latency: {}</source>
        <translation>延迟：{}</translation>
    </message>
    <message>
        <source>int8/float borders inside: {}</source>
        <translation>内部的 int8/浮点边界：{}</translation>
    </message>
    <message>
        <source>source: {}</source>
        <translation>源码：{}</translation>
    </message>
    <message>
        <source>output</source>
        <translation>输出</translation>
    </message>
</context>
<context>
    <name>Palette</name>
    <message>
        <source>Type a command or a layer</source>
        <translation>输入命令或层名</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>Commands</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>and {0} more</source>
        <translation>还有 {0} 项</translation>
    </message>
    <message>
        <source>nothing is called so</source>
        <translation>没有匹配的命令或层</translation>
    </message>
</context>
<context>
    <name>Pareto</name>
    <message>
        <source>the current plan, estimated</source>
        <translation>当前方案（估计）</translation>
    </message>
    <message>
        <source>plan {0}: in float {1}</source>
        <translation>方案 {0}：浮点层数 {1}</translation>
    </message>
</context>
<context>
    <name>ParetoPlot</name>
    <message>
        <source>KL</source>
        <translation>KL</translation>
    </message>
    <message>
        <source>Divergence from the float model, KL(fp32‖int8), nats</source>
        <translation>与浮点模型的散度 KL(fp32‖int8)，nat</translation>
    </message>
    <message>
        <source>Metric, or agreement without labels, lost against the float model</source>
        <translation>与浮点模型相比损失的指标；无标签时为一致率</translation>
    </message>
    <message>
        <source>lost</source>
        <translation>损失</translation>
    </message>
    <message>
        <source>Time against loss</source>
        <translation>时间与损失</translation>
    </message>
    <message>
        <source>Every run that measured time is a point here; the search adds the plans that it found.</source>
        <translation>每次测量了时间的运行都是这里的一个点；搜索会加入它找到的方案。</translation>
    </message>
    <message>
        <source>MSE</source>
        <translation>MSE</translation>
    </message>
    <message>
        <source>time of a forward pass (ms)</source>
        <translation>一次前向的时间（ms）</translation>
    </message>
    <message>
        <source>lost against float ({0})</source>
        <translation>相对浮点的损失（{0}）</translation>
    </message>
    <message>
        <source>output MSE / power</source>
        <translation>输出 MSE / 功率</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) (nats)</source>
        <translation>KL(fp32‖int8)（nat）</translation>
    </message>
    <message>
        <source>run, measured</source>
        <translation>运行，实测</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>search, measured</source>
        <translation>搜索，实测</translation>
    </message>
    <message>
        <source>search, estimated</source>
        <translation>搜索，估计</translation>
    </message>
    <message>
        <source>selected: {}</source>
        <translation>已选：{}</translation>
    </message>
    <message>
        <source>dashed: no plan beats these in both; double-click takes a plan</source>
        <translation>虚线：没有方案在两方面都更好；双击可采用该方案</translation>
    </message>
    <message>
        <source>losses: runs on the final split, searched plans on the select split</source>
        <translation>损失：运行取自 final 划分，搜索到的方案取自 select 划分</translation>
    </message>
    <message>
        <source>times of older runs are scaled to float&apos;s newest time</source>
        <translation>较早运行的时间已按浮点的最新时间换算</translation>
    </message>
    <message>
        <source>{} not drawn: time or loss was not measured</source>
        <translation>{} 个未画出：未测量时间或损失</translation>
    </message>
    <message>
        <source>nats</source>
        <translation>nat</translation>
    </message>
    <message>
        <source>Take this plan</source>
        <translation>采用此方案</translation>
    </message>
    <message>
        <source>points</source>
        <translation>百分点</translation>
    </message>
</context>
<context>
    <name>PatternDialog</name>
    <message>
        <source>Edit by pattern</source>
        <translation>按模式编辑</translation>
    </message>
    <message>
        <source>module path</source>
        <translation>模块路径</translation>
    </message>
    <message>
        <source>operator</source>
        <translation>算子</translation>
    </message>
    <message>
        <source>features.*.conv, head, …</source>
        <translation>features.*.conv、head、…</translation>
    </message>
    <message>
        <source>* stands for anything, ? for one character; a module&apos;s name takes all that is in it</source>
        <translation>* 代表任意内容，? 代表一个字符；模块名包括其中的全部</translation>
    </message>
    <message>
        <source>like {0}</source>
        <translation>与 {0} 相同</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>&amp;Match</source>
        <translation>匹配(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Pattern</source>
        <translation>模式(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Give them</source>
        <translation>赋予(&amp;G)</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Type a pattern.</source>
        <translation>请输入模式。</translation>
    </message>
    <message>
        <source>No layer matches.</source>
        <translation>没有匹配的层。</translation>
    </message>
    <message>
        <source> and {0} more</source>
        <translation> 等，还有 {0} 层</translation>
    </message>
    <message>
        <source>Matching layers ({0}): {1}</source>
        <translation>匹配的层（{0}）：{1}</translation>
    </message>
</context>
<context>
    <name>Planned</name>
    <message>
        <source>wrote {0}</source>
        <translation>已写入 {0}</translation>
    </message>
    <message>
        <source>equalize neighbours</source>
        <translation>均衡相邻层</translation>
    </message>
    <message>
        <source>round by data</source>
        <translation>按数据舍入</translation>
    </message>
    <message>
        <source>correct biases</source>
        <translation>修正偏置</translation>
    </message>
    <message>
        <source>fusions</source>
        <translation>融合</translation>
    </message>
    <message>
        <source>{0} {1} for {2}</source>
        <translation>{0} {1}（{2}）</translation>
    </message>
    <message>
        <source>float for {0}</source>
        <translation>{0} 改为浮点</translation>
    </message>
    <message>
        <source>{0} float for {1}</source>
        <translation>{0} 保持浮点（{1}）</translation>
    </message>
    <message>
        <source>{0}: {1} layers left as they are, {2} has no such kernel for them</source>
        <translation>{0}：{1} 层保持原样，{2} 没有适用于它们的这种核</translation>
    </message>
    <message>
        <source>{0} for {1}</source>
        <translation>{0}（{1}）</translation>
    </message>
    <message>
        <source>layers begin with {0}</source>
        <translation>各层默认采用 {0}</translation>
    </message>
    <message>
        <source>default</source>
        <translation>默认</translation>
    </message>
    <message>
        <source>target {0}</source>
        <translation>目标 {0}</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>fusion {0} {1}</source>
        <translation>融合 {0} {1}</translation>
    </message>
    <message>
        <source>weight</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>activation</source>
        <translation>激活</translation>
    </message>
</context>
<context>
    <name>Plot</name>
    <message>
        <source>Save the plot as PNG or SVG, or its numbers as CSV</source>
        <translation>将图保存为 PNG 或 SVG，或将数据保存为 CSV</translation>
    </message>
    <message>
        <source>Export the plot</source>
        <translation>导出图</translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>显示全部</translation>
    </message>
    <message>
        <source>Export as {}…</source>
        <translation>导出为 {}…</translation>
    </message>
</context>
<context>
    <name>QConfigEditor</name>
    <message>
        <source>Preset…</source>
        <translation>预设…</translation>
    </message>
    <message>
        <source>Preset for the selection</source>
        <translation>所选层的预设</translation>
    </message>
    <message>
        <source>Give the selected layers the qconfig that a library uses</source>
        <translation>赋予所选层某个库使用的量化配置</translation>
    </message>
    <message>
        <source>Follow the default: remove what was set for these layers alone</source>
        <translation>跟随默认：去掉只为这些层设置的内容</translation>
    </message>
    <message>
        <source>Follow the default</source>
        <translation>跟随默认</translation>
    </message>
    <message>
        <source>Weight</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Activation</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>Storage type; float leaves it as it is</source>
        <translation>存储类型；“float”表示保持原样</translation>
    </message>
    <message>
        <source>Bits</source>
        <translation>位数</translation>
    </message>
    <message>
        <source>Width of the grid; fewer than the type&apos;s leave headroom (torch: reduce_range)</source>
        <translation>网格的宽度；少于存储类型的位数可留出余量（torch：reduce_range）</translation>
    </message>
    <message>
        <source>Scheme</source>
        <translation>方式</translation>
    </message>
    <message>
        <source>Type, bits</source>
        <translation>类型、位数</translation>
    </message>
    <message>
        <source>symmetric: zero point in the middle; narrow leaves out the smallest number; affine: x ≈ scale · (q − zero point)</source>
        <translation>对称：零点在中间；窄：去掉最小的数；仿射：x ≈ scale · (q − zero point)</translation>
    </message>
    <message>
        <source>Scale per</source>
        <translation>缩放粒度</translation>
    </message>
    <message>
        <source>One scale for the tensor, for each output channel, each group of weights, or each token</source>
        <translation>整个张量、每个输出通道、每组权重或每个 token 一个缩放系数</translation>
    </message>
    <message>
        <source>Range</source>
        <translation>范围</translation>
    </message>
    <message>
        <source>How the range is chosen from the statistics; dynamic takes each batch&apos;s own at run time</source>
        <translation>如何由统计量选定范围；dynamic 在运行时取每批自身的范围</translation>
    </message>
    <message>
        <source>Percentile</source>
        <translation>百分位</translation>
    </message>
    <message>
        <source>Share of the values inside the range</source>
        <translation>范围内数值的份额</translation>
    </message>
    <message>
        <source>Momentum</source>
        <translation>动量</translation>
    </message>
    <message>
        <source>Weight of each new batch in the moving average</source>
        <translation>移动平均中每个新批的权重</translation>
    </message>
    <message>
        <source>Group size</source>
        <translation>组大小</translation>
    </message>
    <message>
        <source>Weights that share one scale, along the input&apos;s features</source>
        <translation>沿输入特征共用一个缩放系数的权重个数</translation>
    </message>
    <message>
        <source>{0} layers</source>
        <translation>{0} 层</translation>
    </message>
    <message>
        <source>No layer selected</source>
        <translation>未选择层</translation>
    </message>
    <message>
        <source>Select layers in the table or in the graph to edit their qconfig.</source>
        <translation>在表格或图中选择层以编辑其量化配置。</translation>
    </message>
</context>
<context>
    <name>Qconfig</name>
    <message>
        <source>mixed</source>
        <translation>不一致</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>affine</source>
        <translation>仿射</translation>
    </message>
    <message>
        <source>symmetric</source>
        <translation>对称</translation>
    </message>
    <message>
        <source>sym. narrow</source>
        <translation>对称（窄）</translation>
    </message>
    <message>
        <source>percentile {0}%</source>
        <translation>百分位 {0}%</translation>
    </message>
    <message>
        <source>momentum {0}</source>
        <translation>动量 {0}</translation>
    </message>
    <message>
        <source>groups of {0}</source>
        <translation>每组 {0} 个</translation>
    </message>
    <message>
        <source>scale per {0}</source>
        <translation>缩放按{0}</translation>
    </message>
    <message>
        <source>{0} bits</source>
        <translation>{0} 位</translation>
    </message>
    <message>
        <source>tensor</source>
        <translation>张量</translation>
    </message>
    <message>
        <source>channel</source>
        <translation>通道</translation>
    </message>
    <message>
        <source>group</source>
        <translation>组</translation>
    </message>
    <message>
        <source>token</source>
        <translation>token</translation>
    </message>
</context>
<context>
    <name>QualityCard</name>
    <message>
        <source>Were the samples enough?</source>
        <translation>样本够吗？</translation>
    </message>
    <message>
        <source>Mean range of n of the samples, over all choices of n, as a part of the range of all; from the smallest and largest value of each sample</source>
        <translation>任取 n 个样本的平均范围，占全部样本范围的比例；由每个样本的最小值和最大值算出</translation>
    </message>
    <message>
        <source>Show the growing ones</source>
        <translation>显示仍在增长的</translation>
    </message>
    <message>
        <source>{0} samples: too few to say.</source>
        <translation>{0} 个样本：太少，无法判断。</translation>
    </message>
    <message>
        <source>The second half of {0} samples widened {1} of {2} ranges by more than 5%.</source>
        <translation>{0} 个样本的后一半使 {2} 个范围中的 {1} 个扩大超过 5%。</translation>
    </message>
    <message>
        <source>Enough.</source>
        <translation>足够。</translation>
    </message>
    <message>
        <source>More samples would widen ranges further.</source>
        <translation>更多样本会使范围继续扩大。</translation>
    </message>
</context>
<context>
    <name>Questions</name>
    <message>
        <source>Candidates are computed when the running job is over.</source>
        <translation>正在运行的任务结束后会计算候选配置。</translation>
    </message>
    <message>
        <source>Candidates</source>
        <translation>候选配置</translation>
    </message>
    <message>
        <source>The candidates for this layer could not be computed.</source>
        <translation>无法计算该层的候选配置。</translation>
    </message>
    <message>
        <source>failed: {0}: {1}</source>
        <translation>失败：{0}：{1}</translation>
    </message>
    <message>
        <source>Effects of single roundings</source>
        <translation>单个舍入的影响</translation>
    </message>
    <message>
        <source>no estimates for edits: {0}</source>
        <translation>编辑没有估计值：{0}</translation>
    </message>
    <message>
        <source>What ONNX Runtime makes of the file</source>
        <translation>ONNX Runtime 如何运行该文件</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>What if</source>
        <translation>假设</translation>
    </message>
    <message>
        <source>What is cut off</source>
        <translation>被截断的部分</translation>
    </message>
    <message>
        <source>Select split</source>
        <translation>选择部分</translation>
    </message>
    <message>
        <source>Values per channel</source>
        <translation>各通道的数值</translation>
    </message>
    <message>
        <source>Statistics</source>
        <translation>统计</translation>
    </message>
    <message>
        <source>Remedies</source>
        <translation>补救</translation>
    </message>
    <message>
        <source>Ranges against samples</source>
        <translation>范围与样本数</translation>
    </message>
    <message>
        <source>Sample {0}</source>
        <translation>样本 {0}</translation>
    </message>
</context>
<context>
    <name>RangeFields</name>
    <message>
        <source>Fix range</source>
        <translation>固定范围</translation>
    </message>
    <message>
        <source>Take this range whatever the estimator says; dragging a line of the histogram does it, too</source>
        <translation>不管估计方法，采用此范围；拖动直方图中的界线也是如此</translation>
    </message>
    <message>
        <source>Low end of the range</source>
        <translation>范围的下端</translation>
    </message>
    <message>
        <source>High end of the range</source>
        <translation>范围的上端</translation>
    </message>
</context>
<context>
    <name>RangePanel</name>
    <message>
        <source>Activation</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>Compare with</source>
        <translation>比较对象</translation>
    </message>
    <message>
        <source>Outline beside the values: those after rounding, those of the select split, which was not calibrated on, or those that another plan makes, with its grid</source>
        <translation>在数值旁描出轮廓：舍入之后的值、未用于校准的 select 划分的值，或另一方案得到的值及其网格</translation>
    </message>
    <message>
        <source>Calibrate to see the distribution of the layer&apos;s activation.</source>
        <translation>校准后可查看该层激活的分布。</translation>
    </message>
    <message>
        <source>Select a layer to see the distribution of its activation.</source>
        <translation>选择一层，即可查看其激活的分布。</translation>
    </message>
    <message>
        <source>Calibration has no values of {0}.</source>
        <translation>校准中没有 {0} 的数值。</translation>
    </message>
    <message>
        <source>compare…</source>
        <translation>比较…</translation>
    </message>
    <message>
        <source>after rounding</source>
        <translation>舍入之后</translation>
    </message>
    <message>
        <source>unseen samples</source>
        <translation>未见样本</translation>
    </message>
    <message>
        <source>before “{0}”</source>
        <translation>“{0}”之前</translation>
    </message>
    <message>
        <source>run “{0}”</source>
        <translation>运行“{0}”</translation>
    </message>
    <message>
        <source>select split</source>
        <translation>选择部分</translation>
    </message>
    <message>
        <source>before the edit</source>
        <translation>修改之前</translation>
    </message>
    <message>
        <source>{0}, in float</source>
        <translation>{0}，浮点</translation>
    </message>
</context>
<context>
    <name>RemediesPanel</name>
    <message>
        <source>Equalize neighbours</source>
        <translation>均衡相邻层</translation>
    </message>
    <message>
        <source>Round by data</source>
        <translation>按数据舍入</translation>
    </message>
    <message>
        <source>Correct biases</source>
        <translation>修正偏置</translation>
    </message>
    <message>
        <source>Scales the channels that two neighbours share, so that one scale serves all of them; in float the model stays the same. For one scale per tensor.</source>
        <translation>缩放两个相邻层共有的通道，使一个缩放系数适用于全部；浮点模型不变。用于逐张量缩放的情形。</translation>
    </message>
    <message>
        <source>Takes back in the bias what quantized weights shift on average. Costs nothing at run time.</source>
        <translation>在偏置中抵消量化权重造成的平均偏移。运行时没有代价。</translation>
    </message>
    <message>
        <source>Kind of remedy</source>
        <translation>补救的种类</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Take out</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Try</source>
        <translation>试验</translation>
    </message>
    <message>
        <source>Quick figures of the plan with each selected remedy, and without it; the plan stays as it is</source>
        <translation>方案加上与不加每个选中补救时的快速结果；方案本身不变</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Layer&apos;s SQNR</source>
        <translation>该层 SQNR</translation>
    </message>
    <message>
        <source>KL (nats)</source>
        <translation>KL（nat）</translation>
    </message>
    <message>
        <source>Error</source>
        <translation>误差</translation>
    </message>
    <message>
        <source>What the remedy changes</source>
        <translation>补救所改变的内容</translation>
    </message>
    <message>
        <source>Whether the current plan has it</source>
        <translation>当前方案是否采用</translation>
    </message>
    <message>
        <source>Of the layer&apos;s own quantization, without → with the remedy; of a pair the lower one</source>
        <translation>该层自身量化的 SQNR，无 → 有补救；成对时取较低者</translation>
    </message>
    <message>
        <source>Of the whole model, without → with the remedy; normalized MSE where outputs are no classes</source>
        <translation>整个模型的值，无 → 有补救；输出不是类别时为归一化 MSE</translation>
    </message>
    <message>
        <source>{0}: {1} layers</source>
        <translation>{0}：{1} 层</translation>
    </message>
    <message>
        <source>Remedies</source>
        <translation>补救</translation>
    </message>
    <message>
        <source>Rounds each weight up or down so that the layer&apos;s output, not the weight, is nearest: as fast as before. For weights that cause the error. Takes seconds a layer.</source>
        <translation>逐个权重选择向上或向下舍入，使该层输出（而非权重）最接近原值：速度不变。适用于由权重引起的误差。每层需数秒。</translation>
    </message>
    <message>
        <source>One edit, which can be undone</source>
        <translation>一次可撤销的编辑</translation>
    </message>
    <message>
        <source>Estimated share of the output error that these layers cause: the largest stand on top</source>
        <translation>这些层在输出误差中的估计份额：最大的排在最上面</translation>
    </message>
    <message>
        <source>SQNR without (dB)</source>
        <translation>未用时 SQNR (dB)</translation>
    </message>
    <message>
        <source>SQNR with (dB)</source>
        <translation>使用后 SQNR (dB)</translation>
    </message>
    <message>
        <source>KL without (nats)</source>
        <translation>未用时 KL (nat)</translation>
    </message>
    <message>
        <source>KL with (nats)</source>
        <translation>使用后 KL (nat)</translation>
    </message>
    <message>
        <source>Error (%)</source>
        <translation>误差（%）</translation>
    </message>
    <message>
        <source>Nothing was looked for: it was cancelled. Come here again to look for it.</source>
        <translation>查找已取消。再次打开此页即可重新查找。</translation>
    </message>
    <message>
        <source>Open a model first.</source>
        <translation>请先打开模型。</translation>
    </message>
    <message>
        <source>Looking for layers that this could help…</source>
        <translation>正在查找此法可以改善的层…</translation>
    </message>
    <message>
        <source>There is no layer of the plan that this could help.</source>
        <translation>方案中没有可用此法改善的层。</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>on, but not possible: take it out</source>
        <translation>已启用，但不可行：请取消</translation>
    </message>
    <message>
        <source>Not measured yet: try it</source>
        <translation>尚未测量：请试验</translation>
    </message>
    <message>
        <source>Apply to all</source>
        <translation>全部应用</translation>
    </message>
    <message>
        <source>Take all out</source>
        <translation>全部移除</translation>
    </message>
    <message>
        <source>{0}, taken out</source>
        <translation>取消 {0}</translation>
    </message>
</context>
<context>
    <name>RunsTable</name>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>目标</translation>
    </message>
    <message>
        <source>Metric</source>
        <translation>指标</translation>
    </message>
    <message>
        <source>Kernel</source>
        <translation>核</translation>
    </message>
    <message>
        <source>Agreement</source>
        <translation>一致率</translation>
    </message>
    <message>
        <source>KL (nats)</source>
        <translation>KL（nat）</translation>
    </message>
    <message>
        <source>SQNR (dB)</source>
        <translation>SQNR（dB）</translation>
    </message>
    <message>
        <source>int8 ms</source>
        <translation>int8 ms</translation>
    </message>
    <message>
        <source>Speed-up</source>
        <translation>加速</translation>
    </message>
    <message>
        <source>Layers int8</source>
        <translation>int8 层数</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>运行记录</translation>
    </message>
    <message>
        <source>Double-click to rename it; bold is of the current plan, italic quick figures on few samples</source>
        <translation>双击可重命名；粗体属于当前方案，斜体为少量样本的快速结果</translation>
    </message>
    <message>
        <source>Backend and engine that the plan is for</source>
        <translation>方案所针对的后端与引擎</translation>
    </message>
    <message>
        <source>Of the simulated model, on the final split</source>
        <translation>模拟模型在 final 部分上的值</translation>
    </message>
    <message>
        <source>Metric of the target&apos;s own kernels; without labels their agreement with the float model</source>
        <translation>目标自身核的指标；没有标签时为与浮点模型的一致率</translation>
    </message>
    <message>
        <source>Share of the samples on which the simulated model gives the float model&apos;s top-1 answer</source>
        <translation>模拟模型的 top-1 答案与浮点模型相同的样本占比</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) of the simulated model, mean per sample</source>
        <translation>模拟模型的 KL(fp32‖int8)，每个样本的均值</translation>
    </message>
    <message>
        <source>Of the model&apos;s outputs, simulated against float: 10 log10(Σ y² / Σ (y − ŷ)²)</source>
        <translation>模型输出，模拟对浮点：10 log10(Σ y² / Σ (y − ŷ)²)</translation>
    </message>
    <message>
        <source>Median time of a forward pass of the quantized model</source>
        <translation>量化模型一次前向的中位时间</translation>
    </message>
    <message>
        <source>Times as fast as float: float&apos;s time over that of the quantized model</source>
        <translation>相对浮点的倍速：浮点时间除以量化模型的时间</translation>
    </message>
    <message>
        <source>Layers that run in integers, of those for which the plan asks it</source>
        <translation>方案要求以整数运行的层中，真正以整数运行的层数</translation>
    </message>
    <message>
        <source>Metric&apos;s unit</source>
        <translation>指标单位</translation>
    </message>
    <message>
        <source>Kernel&apos;s unit</source>
        <translation>核结果单位</translation>
    </message>
    <message>
        <source>Agreement (%)</source>
        <translation>一致率（%）</translation>
    </message>
    <message>
        <source>int8 (ms)</source>
        <translation>int8（ms）</translation>
    </message>
    <message>
        <source>fp32 (ms)</source>
        <translation>fp32（ms）</translation>
    </message>
    <message>
        <source>Layers asked for</source>
        <translation>要求 int8 的层数</translation>
    </message>
    <message>
        <source>Restore plan</source>
        <translation>恢复方案</translation>
    </message>
    <message>
        <source>Take this run&apos;s plan as the current one; can be undone</source>
        <translation>将该运行的方案作为当前方案；可撤销</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Comparison of two runs</source>
        <translation>两次运行的对比</translation>
    </message>
    <message>
        <source>Every analysis is kept here with its plan and figures, to compare and to go back to.</source>
        <translation>每次分析都连同方案和结果保留在这里，可以对比，也可以返回。</translation>
    </message>
    <message>
        <source>all samples, kernels and time</source>
        <translation>全部样本、实际核和时间</translation>
    </message>
    <message>
        <source>quick figures on few samples</source>
        <translation>少量样本的快速结果</translation>
    </message>
    <message>
        <source>Select two runs to compare plans and figures.</source>
        <translation>选择两次运行以对比方案和结果。</translation>
    </message>
</context>
<context>
    <name>SearchPanel</name>
    <message>
        <source>lose at most</source>
        <translation>最多损失</translation>
    </message>
    <message>
        <source>KL at most</source>
        <translation>KL 不超过</translation>
    </message>
    <message>
        <source>take at most</source>
        <translation>耗时不超过</translation>
    </message>
    <message>
        <source>What is asked for</source>
        <translation>要求</translation>
    </message>
    <message>
        <source>Metric (agreement without labels), divergence in nats, or time of a forward pass</source>
        <translation>指标（无标签时为一致率）、散度（nat）或一次前向的时间</translation>
    </message>
    <message>
        <source>Limit</source>
        <translation>上限</translation>
    </message>
    <message>
        <source>as fast as possible</source>
        <translation>尽可能快</translation>
    </message>
    <message>
        <source>as small as possible</source>
        <translation>尽可能小</translation>
    </message>
    <message>
        <source>few layers in float</source>
        <translation>浮点层尽可能少</translation>
    </message>
    <message>
        <source>Objective</source>
        <translation>目的</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>Finds the plans that no other one beats in both loss and cost; simulates and times the best of them</source>
        <translation>查找在损失和代价上都不被其他方案超过的方案；对其中最好的进行模拟和计时</translation>
    </message>
    <message>
        <source>Plan</source>
        <translation>方案</translation>
    </message>
    <message>
        <source>Time (ms)</source>
        <translation>时间（ms）</translation>
    </message>
    <message>
        <source>KL (nats)</source>
        <translation>KL（nat）</translation>
    </message>
    <message>
        <source>Lost</source>
        <translation>损失</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>目标</translation>
    </message>
    <message>
        <source>Of a forward pass; ≈ is the sum of the layers&apos; times, not measured as a whole</source>
        <translation>一次前向的时间；≈ 为各层时间之和，未整体实测</translation>
    </message>
    <message>
        <source>Number of layers that the plan leaves in float; point at it for their names</source>
        <translation>方案保留为浮点的层数；指向即可查看名称</translation>
    </message>
    <message>
        <source>Backend and engine that the plan is for</source>
        <translation>方案所针对的后端与引擎</translation>
    </message>
    <message>
        <source>{0}, estimated</source>
        <translation>{0}，估计</translation>
    </message>
    <message>
        <source>at least</source>
        <translation>至少</translation>
    </message>
    <message>
        <source>at most</source>
        <translation>至多</translation>
    </message>
    <message>
        <source>Table and plot show what plans lose on the {0} samples that they were chosen on.</source>
        <translation>表格和图中的损失，是各方案在用来挑选它们的 {0} 个样本上的损失。</translation>
    </message>
    <message>
        <source>On {0} samples that it was not chosen on, simulated: {1}</source>
        <translation>在 {0} 个未用于选择的样本上（模拟）：{1}</translation>
    </message>
    <message>
        <source>{0}, lost {1} {2}</source>
        <translation>{0}，损失 {1} {2}</translation>
    </message>
    <message>
        <source>{0}: the float model</source>
        <translation>{0}：浮点模型</translation>
    </message>
    <message>
        <source>In float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>Changed</source>
        <translation>已改</translation>
    </message>
    <message>
        <source>On the select split; ≈ is estimated, not simulated</source>
        <translation>在选择部分上；≈ 为估计，未经模拟</translation>
    </message>
    <message>
        <source>On the select split, with its 95% confidence interval</source>
        <translation>在选择部分上，附 95% 置信区间</translation>
    </message>
    <message>
        <source>Plans that the search found</source>
        <translation>搜索找到的方案</translation>
    </message>
    <message>
        <source>none: best compromise</source>
        <translation>无：最佳折中</translation>
    </message>
    <message>
        <source>Numbered by the search; double-click takes it</source>
        <translation>由搜索编号；双击即采用</translation>
    </message>
    <message>
        <source>Number of other layers that it changed; point at it for what</source>
        <translation>改变的其他层数；指向即可查看内容</translation>
    </message>
    <message>
        <source>Take this plan</source>
        <translation>采用此方案</translation>
    </message>
    <message>
        <source>Make it the current plan; can be undone</source>
        <translation>作为当前方案；可撤销</translation>
    </message>
    <message>
        <source>points</source>
        <translation>百分点</translation>
    </message>
    <message>
        <source>{0} plans simulated in {1} s. Chosen: {2}</source>
        <translation>{1} 秒内模拟了 {0} 个方案。选中：{2}</translation>
    </message>
    <message>
        <source>The limit is not met: {0}. The nearest is marked.</source>
        <translation>未达到上限：{0}。已标出最接近的方案。</translation>
    </message>
    <message>
        <source>Lost ({0})</source>
        <translation>损失（{0}）</translation>
    </message>
    <message>
        <source>MSE / power</source>
        <translation>MSE / 功率</translation>
    </message>
    <message>
        <source>The plan as given, on the same: {0}</source>
        <translation>原方案在同样的样本上：{0}</translation>
    </message>
    <message>
        <source>plan {0}</source>
        <translation>方案 {0}</translation>
    </message>
</context>
<context>
    <name>SearchScope</name>
    <message>
        <source>Other targets</source>
        <translation>其他目标</translation>
    </message>
    <message>
        <source>Times</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Measured on this computer</source>
        <translation>在本机测得</translation>
    </message>
    <message>
        <source>Measured on another device…</source>
        <translation>在另一台设备上测得…</translation>
    </message>
    <message>
        <source>Its profile of the float model…</source>
        <translation>该设备的浮点模型剖析文件…</translation>
    </message>
    <message>
        <source>Measurements of another device</source>
        <translation>另一台设备的测量结果</translation>
    </message>
    <message>
        <source>Profiles (*.json)</source>
        <translation>剖析文件 (*.json)</translation>
    </message>
    <message>
        <source>Profile of the float model</source>
        <translation>浮点模型的剖析文件</translation>
    </message>
    <message>
        <source>{0} (the plan&apos;s)</source>
        <translation>{0}（当前方案）</translation>
    </message>
    <message>
        <source>{0} and {1}</source>
        <translation>{0} 和 {1}</translation>
    </message>
    <message>
        <source>{0} only</source>
        <translation>仅 {0}</translation>
    </message>
    <message>
        <source>The times are those of one target on that device</source>
        <translation>这些时间只属于该设备上的一个目标</translation>
    </message>
    <message>
        <source>Targets that are searched too: the best plans of all make one front</source>
        <translation>同时搜索的目标：所有目标的最佳方案组成一个前沿</translation>
    </message>
    <message>
        <source>times of {0}</source>
        <translation>{0} 的时间</translation>
    </message>
    <message>
        <source>times of this computer</source>
        <translation>本机的时间</translation>
    </message>
    <message>
        <source>bench.json of the kit, trtexec --exportProfile (its --exportLayerInfo is found beside it), or an ONNX Runtime profile, which needs that of the float model too</source>
        <translation>测量工具包的 bench.json、trtexec --exportProfile（其 --exportLayerInfo 会在旁边找到），或 ONNX Runtime 剖析文件（还需要浮点模型的剖析文件）</translation>
    </message>
    <message>
        <source>Times count where a plan is to be as fast as possible</source>
        <translation>只有要求方案尽可能快时才考虑时间</translation>
    </message>
</context>
<context>
    <name>StepBar</name>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>数据</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>目标</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>结论</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>Fix</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>the model: what was found in it</source>
        <translation>模型：发现了什么</translation>
    </message>
    <message>
        <source>samples as the model will see them, and the float metric</source>
        <translation>模型实际看到的样本，以及浮点指标</translation>
    </message>
    <message>
        <source>where the quantized model will run</source>
        <translation>量化模型将在哪里运行</translation>
    </message>
    <message>
        <source>float, simulated, real kernel, time; and what the doctor found</source>
        <translation>浮点、模拟、实际核、时间；以及诊断的发现</translation>
    </message>
    <message>
        <source>the workbench: errors, ranges, qconfigs layer by layer</source>
        <translation>工作台：逐层的误差、范围和量化配置</translation>
    </message>
    <message>
        <source>remedies, fusions, runs compared</source>
        <translation>办法、融合、运行对比</translation>
    </message>
    <message>
        <source>files, each verified in a new process</source>
        <translation>文件，逐一在新进程中验证</translation>
    </message>
    <message>
        <source>comes later</source>
        <translation>稍后进行</translation>
    </message>
    <message>
        <source>can be done now</source>
        <translation>现在可以进行</translation>
    </message>
    <message>
        <source>done</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>of another plan, or of few samples</source>
        <translation>属于另一方案，或只基于少量样本</translation>
    </message>
    <message>
        <source>there is something to mend</source>
        <translation>有需要处理的问题</translation>
    </message>
</context>
<context>
    <name>Tables</name>
    <message>
        <source>Copy table</source>
        <translation>复制表格</translation>
    </message>
</context>
<context>
    <name>TargetPage</name>
    <message>
        <source>Target</source>
        <translation>目标</translation>
    </message>
    <message>
        <source>Where the quantized model will run. It decides which layers become integer, and how.</source>
        <translation>量化模型将在哪里运行。它决定哪些层变为整数，以及怎样变。</translation>
    </message>
    <message>
        <source>ONNX Runtime</source>
        <translation>ONNX Runtime</translation>
    </message>
    <message>
        <source>One .onnx file for servers, PCs and phones; the usual choice for CPUs, and needs no PyTorch there.</source>
        <translation>一个 .onnx 文件，可用于服务器、个人电脑和手机；CPU 上的通常选择，运行时不需要 PyTorch。</translation>
    </message>
    <message>
        <source>TensorRT</source>
        <translation>TensorRT</translation>
    </message>
    <message>
        <source>PyTorch PT2E, compiled by inductor</source>
        <translation>PyTorch PT2E，由 inductor 编译</translation>
    </message>
    <message>
        <source>Measured with</source>
        <translation>测量条件</translation>
    </message>
    <message>
        <source>Threads that the latency is measured with</source>
        <translation>测量延迟时使用的线程数</translation>
    </message>
    <message>
        <source>Samples that go through at once when the latency is measured</source>
        <translation>测量延迟时一次通过的样本数</translation>
    </message>
    <message>
        <source>&amp;Threads</source>
        <translation>线程数(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Batch</source>
        <translation>批大小(&amp;B)</translation>
    </message>
    <message>
        <source>finding out…</source>
        <translation>正在查询…</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>本机</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一步</translation>
    </message>
    <message>
        <source>Running…</source>
        <translation>正在运行…</translation>
    </message>
    <message>
        <source>Statistics of {0} of {1} samples are kept; calibration goes on from there, then all layers are analyzed.</source>
        <translation>已保留 {1} 个样本中 {0} 个的统计量：校准由此继续，然后分析所有层。</translation>
    </message>
    <message>
        <source>Statistics of {0} of {1} samples are of other fusions than the plan has now: calibration begins anew. Undo the change, and it goes on from there.</source>
        <translation>已保留 {1} 个样本中 {0} 个的统计，但其融合与当前方案不同：校准将重新开始。撤销该更改，即可从那里继续。</translation>
    </message>
    <message>
        <source>Go on calibrating and analyze</source>
        <translation>继续校准并分析</translation>
    </message>
    <message>
        <source>Calibrate and analyze</source>
        <translation>校准并分析</translation>
    </message>
    <message>
        <source>A .pt2 file for PyTorch on x86 CPUs, compiled where it runs: that computer needs a C++ compiler.</source>
        <translation>供 x86 CPU 上的 PyTorch 使用的 .pt2 文件，在运行的机器上编译：那台机器需要 C++ 编译器。</translation>
    </message>
    <message>
        <source>An .onnx file for NVIDIA GPUs. Only simulated here: speed and kernels are measured on the device.</source>
        <translation>供 NVIDIA GPU 使用的 .onnx 文件。这里只做模拟：速度和核要在设备上测量。</translation>
    </message>
    <message>
        <source>PyTorch&apos;s default on x86; sums of wide depthwise convolutions saturate with 8-bit activations.</source>
        <translation>PyTorch 在 x86 上的默认引擎；激活为 8 位时，较宽的深度卷积的求和会饱和。</translation>
    </message>
    <message>
        <source>Older x86 CPUs, without VNNI; sums saturate with 8-bit activations, so layers begin with 7 bits.</source>
        <translation>适合没有 VNNI 的较旧 x86 CPU；激活为 8 位时求和会饱和，因此各层从 7 位开始。</translation>
    </message>
    <message>
        <source>Newer x86 CPUs, with VNNI or AMX: fastest there, and sums are exact.</source>
        <translation>适合有 VNNI 或 AMX 的较新 x86 CPU：在那里最快，并且求和精确。</translation>
    </message>
    <message>
        <source>Arm CPUs and phones; one scale for all weights of a layer, so sensitive layers lose more.</source>
        <translation>适合 Arm CPU 和手机；一层的全部权重共用一个缩放系数，因此敏感的层损失更大。</translation>
    </message>
    <message>
        <source>PyTorch FX, by engine</source>
        <translation>PyTorch FX，按引擎</translation>
    </message>
    <message>
        <source>An engine is the library that computes in integers: take that of the CPU it will run on.</source>
        <translation>引擎是做整数计算的库：请选择适合运行所用 CPU 的引擎。</translation>
    </message>
    <message>
        <source>PyTorch FX, engine {0}</source>
        <translation>PyTorch FX，引擎 {0}</translation>
    </message>
    <message>
        <source>PyTorch eager mode, by engine</source>
        <translation>PyTorch eager 模式，按引擎</translation>
    </message>
    <message>
        <source>The same engines and speed, for code that uses PyTorch&apos;s older QuantStub interface.</source>
        <translation>引擎和速度相同，供使用 PyTorch 较旧的 QuantStub 接口的代码使用。</translation>
    </message>
    <message>
        <source>PyTorch eager mode, engine {0}</source>
        <translation>PyTorch eager 模式，引擎 {0}</translation>
    </message>
    <message>
        <source>Layers begin with</source>
        <translation>各层的初始配置</translation>
    </message>
    <message>
        <source>The qconfig of every layer that has none of its own; single layers are edited on the page Layers</source>
        <translation>没有单独设置的各层所用的量化配置；单个层在“层”页面上修改</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>预设</translation>
    </message>
    <message>
        <source>&amp;Preset</source>
        <translation>预设(&amp;P)</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Activations</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <source>{0}, {1} cores, torch {2}</source>
        <translation>{0}，{1} 个核心，torch {2}</translation>
    </message>
    <message>
        <source>Open a model first.</source>
        <translation>请先打开模型。</translation>
    </message>
    <message>
        <source>Choose data first.</source>
        <translation>请先选择数据。</translation>
    </message>
    <message>
        <source>Confirm the float metric on the Data page first.</source>
        <translation>请先在“数据”页确认浮点指标。</translation>
    </message>
    <message>
        <source>One pass over {0} samples collects the statistics of every tensor; then all layers are analyzed.</source>
        <translation>对 {0} 个样本过一遍即可收集每个张量的统计量；然后分析所有层。</translation>
    </message>
    <message>
        <source>Calibrated; only the analysis runs again.</source>
        <translation>已校准；只需重新分析。</translation>
    </message>
    <message>
        <source>Analyze</source>
        <translation>分析</translation>
    </message>
    <message>
        <source>of the target</source>
        <translation>目标自带</translation>
    </message>
    <message>
        <source>{0} has no kernel for it</source>
        <translation>{0} 没有相应的核</translation>
    </message>
    <message>
        <source>the plan&apos;s own</source>
        <translation>方案自带</translation>
    </message>
</context>
<context>
    <name>Tasks</name>
    <message>
        <source>Starting the engine</source>
        <translation>正在启动引擎</translation>
    </message>
    <message>
        <source>Opening {0}</source>
        <translation>正在打开 {0}</translation>
    </message>
    <message>
        <source>Float metric</source>
        <translation>浮点指标</translation>
    </message>
    <message>
        <source>Metric {0}</source>
        <translation>指标 {0}</translation>
    </message>
    <message>
        <source>Calibrating</source>
        <translation>正在校准</translation>
    </message>
    <message>
        <source>kept what was computed before the kernels were run</source>
        <translation>已保留运行核之前算出的结果</translation>
    </message>
    <message>
        <source>Figures on {0} samples</source>
        <translation>{0} 个样本上的结果</translation>
    </message>
    <message>
        <source>Analyzing</source>
        <translation>正在分析</translation>
    </message>
    <message>
        <source>Searching</source>
        <translation>正在搜索</translation>
    </message>
    <message>
        <source>exported {0}</source>
        <translation>已导出 {0}</translation>
    </message>
    <message>
        <source>Exporting {0}</source>
        <translation>正在导出 {0}</translation>
    </message>
    <message>
        <source>{0}: {1}% of the kernel&apos;s values equal the simulation&apos;s</source>
        <translation>{0}：{1}% 的核数值与模拟相等</translation>
    </message>
    <message>
        <source>Saving the integers of {0}</source>
        <translation>正在保存 {0} 的整数</translation>
    </message>
    <message>
        <source>times of {0} from {1}</source>
        <translation>来自 {1} 的 {0} 的时间</translation>
    </message>
    <message>
        <source>Times of another device</source>
        <translation>其他设备的时间</translation>
    </message>
    <message>
        <source>Writing the report</source>
        <translation>正在写报告</translation>
    </message>
</context>
<context>
    <name>Trail</name>
    <message>
        <source>Modules around the selected layer</source>
        <translation>所选层所在的模块</translation>
    </message>
</context>
<context>
    <name>Verdict</name>
    <message>
        <source>nats</source>
        <translation>nat</translation>
    </message>
    <message>
        <source>estimated</source>
        <translation>估计</translation>
    </message>
    <message>
        <source>kernel</source>
        <translation>实际核</translation>
    </message>
</context>
<context>
    <name>VerdictPage</name>
    <message>
        <source>Verdict</source>
        <translation>结论</translation>
    </message>
    <message>
        <source>The metric of the float model on the final split</source>
        <translation>浮点模型在最终部分上的指标</translation>
    </message>
    <message>
        <source>int8, simulated</source>
        <translation>int8，模拟</translation>
    </message>
    <message>
        <source>Every tensor rounded to its grid: q = clamp(round(x / scale) + zero point), computed in float</source>
        <translation>每个张量都舍入到其网格：q = clamp(round(x / scale) + zero point)，用浮点计算</translation>
    </message>
    <message>
        <source>int8, real kernel</source>
        <translation>int8，实际核</translation>
    </message>
    <message>
        <source>What the integer kernels of the target really gave</source>
        <translation>目标的整数核的实际结果</translation>
    </message>
    <message>
        <source>Calibrate and analyze</source>
        <translation>校准并分析</translation>
    </message>
    <message>
        <source>Open the layers</source>
        <translation>打开各层</translation>
    </message>
    <message>
        <source>Where the error comes from</source>
        <translation>误差来自何处</translation>
    </message>
    <message>
        <source>Share of the output error, estimated: a bar for each layer, in execution order; those marked cause half of it. A click opens the layer.</source>
        <translation>输出误差份额（估计）：每层一条，按执行顺序；标出的层造成其中一半。点击可打开该层。</translation>
    </message>
    <message>
        <source>What quantization does to accuracy and speed.</source>
        <translation>量化对精度和速度的影响。</translation>
    </message>
    <message>
        <source>Analyze</source>
        <translation>分析</translation>
    </message>
    <message>
        <source>Nothing was analyzed yet. </source>
        <translation>尚未分析。</translation>
    </message>
    <message>
        <source>Open a model, choose data and confirm the float metric first.</source>
        <translation>请先打开模型、选择数据并确认浮点指标。</translation>
    </message>
    <message>
        <source>Confirm on the Data page what the float model answers, then it can be run.</source>
        <translation>请先在“数据”页确认浮点模型的答案，然后即可运行。</translation>
    </message>
    <message>
        <source>Figures of “{0}”, on other data or by another metric.</source>
        <translation>“{0}”的数据，来自其他数据集或其他指标。</translation>
    </message>
    <message>
        <source>The plan changed: these figures are those of “{0}”.</source>
        <translation>方案已改变：这些数字属于“{0}”。</translation>
    </message>
    <message>
        <source>Quick figures on few samples, without kernels and time. Run everything to be sure.</source>
        <translation>少量样本的快速结果，不含实际核和时间。全部运行才能确定。</translation>
    </message>
    <message>
        <source>Findings ({0})</source>
        <translation>发现（{0}）</translation>
    </message>
    <message>
        <source>Findings</source>
        <translation>发现</translation>
    </message>
    <message>
        <source>After the analysis, the doctor&apos;s findings stand here, each with its evidence and a remedy.</source>
        <translation>分析之后，诊断的发现列在这里，每项都附有依据和办法。</translation>
    </message>
    <message>
        <source>It was stopped before causes were looked for.</source>
        <translation>分析已停止，尚未查找原因。</translation>
    </message>
    <message>
        <source>The doctor found nothing to mend.</source>
        <translation>诊断没有发现需要修复的问题。</translation>
    </message>
    <message>
        <source>The estimate does not hold: {0}.</source>
        <translation>估计不成立：{0}。</translation>
    </message>
    <message>
        <source>batch {0}</source>
        <translation>批 {0}</translation>
    </message>
    <message>
        <source>{0} samples of the final split</source>
        <translation>最终部分的 {0} 个样本</translation>
    </message>
    <message>
        <source>{0} of {1} layers in integers</source>
        <translation>{1} 层中 {0} 层为整数</translation>
    </message>
    <message>
        <source>no labels: agreement with it counts</source>
        <translation>无标签：以一致率为准</translation>
    </message>
    <message>
        <source>{0}, lower is better</source>
        <translation>{0}，越低越好</translation>
    </message>
    <message>
        <source>reference</source>
        <translation>参照</translation>
    </message>
    <message>
        <source>agreement with float, in {0}</source>
        <translation>与浮点的一致率，在 {0} 中</translation>
    </message>
    <message>
        <source>no labels and no classes: SQNR against it counts</source>
        <translation>没有标签也没有类别：以相对于它的 SQNR 为准</translation>
    </message>
    <message>
        <source>signal-to-noise ratio of the outputs</source>
        <translation>输出的信噪比</translation>
    </message>
    <message>
        <source>cosine with float; SQNR {0}</source>
        <translation>与浮点的余弦；SQNR {0}</translation>
    </message>
    <message>
        <source>{0}× faster</source>
        <translation>快 {0} 倍</translation>
    </message>
    <message>
        <source>{0}× slower</source>
        <translation>慢 {0} 倍</translation>
    </message>
    <message>
        <source>not measured</source>
        <translation>未测量</translation>
    </message>
    <message>
        <source>Float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>Time of a forward pass</source>
        <translation>一次前向的时间</translation>
    </message>
    <message>
        <source>Median of interleaved runs in a process of its own, same runtime for float and int8; p90: nine of ten runs take no longer</source>
        <translation>在独立进程中交替运行的中位数，浮点与 int8 使用同一运行时；p90：十次运行中有九次不超过此值</translation>
    </message>
    <message>
        <source>Running…</source>
        <translation>正在运行…</translation>
    </message>
    <message>
        <source>Target {0}</source>
        <translation>目标 {0}</translation>
    </message>
    <message>
        <source>1 thread</source>
        <translation>1 个线程</translation>
    </message>
    <message>
        <source>{0} threads</source>
        <translation>{0} 个线程</translation>
    </message>
    <message>
        <source>embedding: the cosine with it counts</source>
        <translation>嵌入向量：以与它的余弦为准</translation>
    </message>
    <message>
        <source> ({0} to {1}, 95% sure)</source>
        <translation>（{0} 至 {1}，95% 置信）</translation>
    </message>
    <message>
        <source>agrees with float {0}</source>
        <translation>与浮点一致 {0}</translation>
    </message>
    <message>
        <source>agreement with float; {0} to {1}, 95% sure</source>
        <translation>与浮点一致率；{0} 至 {1}，95% 置信</translation>
    </message>
</context>
<context>
    <name>WeightLevels</name>
    <message>
        <source>per channel</source>
        <translation>逐通道</translation>
    </message>
    <message>
        <source>Channels across; darker is more often, on a log scale</source>
        <translation>横轴为通道；颜色越深越常用，对数刻度</translation>
    </message>
    <message>
        <source>Weight levels</source>
        <translation>权重级别</translation>
    </message>
    <message>
        <source>Select a layer with integer weights to see how its levels are used.</source>
        <translation>选择带整数权重的层，即可查看各级别的使用情况。</translation>
    </message>
    <message>
        <source>channel</source>
        <translation>通道</translation>
    </message>
    <message>
        <source>level</source>
        <translation>级别</translation>
    </message>
    <message>
        <source>number of weights</source>
        <translation>权重个数</translation>
    </message>
    <message>
        <source>{} of {} levels used, {} … {} in a channel</source>
        <translation>使用了 {1} 级中的 {0} 级，单个通道 {2} … {3} 级</translation>
    </message>
    <message>
        <source>{:.2f}% at the ends</source>
        <translation>两端占 {:.2f}%</translation>
    </message>
    <message>
        <source>{:.1f}% at 0</source>
        <translation>0 占 {:.1f}%</translation>
    </message>
</context>
<context>
    <name>WhatIfMatrix</name>
    <message>
        <source>Weight</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Activation</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>What rounding leaves of the tensor itself, from the stored weights and the calibration&apos;s statistics: nothing is run. What it does to the output is in the list of candidates. A click applies a cell.</source>
        <translation>舍入后张量自身的 SQNR，由存储的权重和校准统计得出，不运行模型。它对输出的影响见候选列表。点击单元格即可应用。</translation>
    </message>
    <message>
        <source>Neither weight nor statistics of this layer are known.</source>
        <translation>该层的权重和统计均未知。</translation>
    </message>
</context>
<context>
    <name>Window</name>
    <message>
        <source>In the window</source>
        <translation>窗口中</translation>
    </message>
</context>
<context>
    <name>WorstSamples</name>
    <message>
        <source>Sample</source>
        <translation>样本</translation>
    </message>
    <message>
        <source>KL (nats)</source>
        <translation>KL（nat）</translation>
    </message>
    <message>
        <source>MSE</source>
        <translation>MSE</translation>
    </message>
    <message>
        <source>Float says</source>
        <translation>浮点答案</translation>
    </message>
    <message>
        <source>int8 says</source>
        <translation>int8 答案</translation>
    </message>
    <message>
        <source>Of the final split, the ones that quantization changes most on top</source>
        <translation>final 部分的样本，量化改变最大的排在最前</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) of this sample alone</source>
        <translation>单个样本的 KL(fp32‖int8)</translation>
    </message>
    <message>
        <source>Mean squared error of the outputs over their float power</source>
        <translation>输出的均方误差除以其浮点功率</translation>
    </message>
    <message>
        <source>Worst samples</source>
        <translation>最差样本</translation>
    </message>
    <message>
        <source>Top-1 answer of the float model</source>
        <translation>浮点模型的 top-1 答案</translation>
    </message>
    <message>
        <source>Top-1 answer of the simulated quantized model</source>
        <translation>模拟量化模型的 top-1 答案</translation>
    </message>
    <message>
        <source>Choose a sample to see its error layer by layer in Depth.</source>
        <translation>选择一个样本，在“深度”中查看它逐层的误差。</translation>
    </message>
    <message>
        <source>Show layer</source>
        <translation>显示该层</translation>
    </message>
    <message>
        <source>After the analysis, the samples that int8 harms most are listed here.</source>
        <translation>分析之后，这里列出受 int8 影响最大的样本。</translation>
    </message>
    <message>
        <source>{0}: computing its errors…</source>
        <translation>{0}：正在计算误差…</translation>
    </message>
    <message>
        <source>label: {0}</source>
        <translation>标签：{0}</translation>
    </message>
    <message>
        <source>float: {0}, int8: {1}</source>
        <translation>浮点：{0}，int8：{1}</translation>
    </message>
    <message>
        <source>largest fall of its SQNR: {0} dB at {1}</source>
        <translation>SQNR 的最大下降：在 {1} 处 {0} dB</translation>
    </message>
</context>
<context>
    <name>engine</name>
    <message>
        <source>the kernels</source>
        <translation>核的运行</translation>
    </message>
    <message>
        <source>starting a process for the kernels</source>
        <translation>正在为核启动进程</translation>
    </message>
    <message>
        <source>Choose another engine, or leave it out.</source>
        <translation>请选择其他引擎，或跳过此项。</translation>
    </message>
    <message>
        <source>cannot be read ({reason})</source>
        <translation>无法读取（{reason}）</translation>
    </message>
    <message>
        <source>reduces by {how}</source>
        <translation>以 {how} 归约</translation>
    </message>
    <message>
        <source>{names} and {more} more</source>
        <translation>{names} 及另外 {more} 个</translation>
    </message>
    <message>
        <source>The float model itself is hardly better than chance</source>
        <translation>浮点模型本身与随机猜测相差无几</translation>
    </message>
    <message>
        <source>looking for causes</source>
        <translation>正在查找原因</translation>
    </message>
    <message>
        <source>No kernels of {target} were run: {reason}.</source>
        <translation>没有运行 {target} 的核：{reason}。</translation>
    </message>
    <message>
        <source>Latencies were measured on {device}, {runs} runs.</source>
        <translation>延迟在 {device} 上测得，共 {runs} 次运行。</translation>
    </message>
    <message>
        <source>the final split is empty</source>
        <translation>最终部分为空</translation>
    </message>
    <message>
        <source>Give more samples.</source>
        <translation>请提供更多样本。</translation>
    </message>
    <message>
        <source>{unknown_us:.1f} µs there were spent in operators that belong to no layer.</source>
        <translation>那里有 {unknown_us:.1f} µs 花在不属于任何层的算子上。</translation>
    </message>
    <message>
        <source>They were measured with another plan than this one.</source>
        <translation>它们是用另一个方案测得的。</translation>
    </message>
    <message>
        <source>{where} cannot hold Python code of the model&apos;s author, which could not be traced</source>
        <translation>{where} 无法容纳模型作者未能追踪的 Python 代码</translation>
    </message>
    <message>
        <source>Rewrite the line at which the tracing stopped; as it is, fx targets alone can run the model.</source>
        <translation>请改写追踪停止的那一行；目前只有 fx 目标能运行该模型。</translation>
    </message>
    <message>
        <source>{layer}: asked in integers, runs in float</source>
        <translation>{layer}：要求整数，却以浮点运行</translation>
    </message>
    <message>
        <source>is a file</source>
        <translation>是一个文件</translation>
    </message>
    <message>
        <source>Give a folder that does not exist yet.</source>
        <translation>请给出一个尚不存在的文件夹。</translation>
    </message>
    <message>
        <source>holds files that are not an export</source>
        <translation>含有不属于导出结果的文件</translation>
    </message>
    <message>
        <source>there is no sample to verify the export with</source>
        <translation>没有样本可用来验证导出结果</translation>
    </message>
    <message>
        <source>Open data first.</source>
        <translation>请先打开数据。</translation>
    </message>
    <message>
        <source>Choose another target, or report this.</source>
        <translation>请选择其他目标，或报告此问题。</translation>
    </message>
    <message>
        <source>its outputs are not finite</source>
        <translation>它的输出含有非有限值</translation>
    </message>
    <message>
        <source>Choose another folder.</source>
        <translation>请选择其他文件夹。</translation>
    </message>
    <message>
        <source>loading it in a new process</source>
        <translation>正在新进程中载入</translation>
    </message>
    <message>
        <source>cannot be written as Python</source>
        <translation>无法写成 Python</translation>
    </message>
    <message>
        <source>Export to another format, or report this model.</source>
        <translation>请导出为其他格式，或报告此模型。</translation>
    </message>
    <message>
        <source>done</source>
        <translation>完成</translation>
    </message>
    <message>
        <source>lowering to torch&apos;s kernels</source>
        <translation>正在转换为 torch 的核</translation>
    </message>
    <message>
        <source>writing</source>
        <translation>正在写入</translation>
    </message>
    <message>
        <source>its outputs are not bit for bit those of the kernels that were measured</source>
        <translation>它的输出与测得的核的输出并非逐位相同</translation>
    </message>
    <message>
        <source>comparing</source>
        <translation>正在比较</translation>
    </message>
    <message>
        <source>running</source>
        <translation>正在运行</translation>
    </message>
    <message>
        <source>the float model in model.py gives other outputs</source>
        <translation>model.py 中的浮点模型给出不同的输出</translation>
    </message>
    <message>
        <source>{value}: is not in integers in the new process</source>
        <translation>{value}：在新进程中不是整数</translation>
    </message>
    <message>
        <source>{value}: differs in the new process</source>
        <translation>{value}：在新进程中不同</translation>
    </message>
    <message>
        <source>timing</source>
        <translation>正在计时</translation>
    </message>
    <message>
        <source>torch has no integer kernel for {op}</source>
        <translation>torch 没有 {op} 的整数核</translation>
    </message>
    <message>
        <source>only padding with zeros stays on the grid</source>
        <translation>只有零填充能保持在网格上</translation>
    </message>
    <message>
        <source>its limits are tensors, not numbers</source>
        <translation>它的上下限是张量，不是数值</translation>
    </message>
    <message>
        <source>torch runs it in integers only between two activations</source>
        <translation>torch 只在两个激活之间以整数运行它</translation>
    </message>
    <message>
        <source>torch&apos;s integer transposed convolution computes wrong numbers with engine {engine}</source>
        <translation>引擎为 {engine} 时，torch 的整数转置卷积计算错误</translation>
    </message>
    <message>
        <source>qnnpack has no {op}</source>
        <translation>qnnpack 没有 {op}</translation>
    </message>
    <message>
        <source>torch&apos;s integer kernels take uint8 activations, not {dtype}</source>
        <translation>torch 的整数核只接受 uint8 激活，不接受 {dtype}</translation>
    </message>
    <message>
        <source>activations are quantized per tensor</source>
        <translation>激活按逐张量量化</translation>
    </message>
    <message>
        <source>its weight is computed at run time</source>
        <translation>它的权重在运行时计算</translation>
    </message>
    <message>
        <source>torch&apos;s dynamic kernel takes uint8 inputs, affine, per tensor, of 7 or 8 bits, not {activation}</source>
        <translation>torch 的动态核只接受 uint8、仿射、逐张量、7 或 8 位的输入，不接受 {activation}</translation>
    </message>
    <message>
        <source>qnnpack&apos;s dynamic kernel takes 8 bits</source>
        <translation>qnnpack 的动态核为 8 位</translation>
    </message>
    <message>
        <source>torch&apos;s dynamic kernel takes symmetric int8 weights per tensor or channel, not {weight}</source>
        <translation>torch 的动态核只接受逐张量或逐通道的对称 int8 权重，不接受 {weight}</translation>
    </message>
    <message>
        <source>its weight stays float</source>
        <translation>它的权重保持浮点</translation>
    </message>
    <message>
        <source>torch&apos;s integer kernels take int8 weights, not {dtype}</source>
        <translation>torch 的整数核只接受 int8 权重，不接受 {dtype}</translation>
    </message>
    <message>
        <source>the lowering to torch takes symmetric weights</source>
        <translation>转换到 torch 时只接受对称权重</translation>
    </message>
    <message>
        <source>torch takes per-tensor weights in transposed convolutions</source>
        <translation>torch 的转置卷积只接受逐张量权重</translation>
    </message>
    <message>
        <source>torch&apos;s quantized convolution takes no padding by name</source>
        <translation>torch 的量化卷积不接受按名称给出的填充</translation>
    </message>
    <message>
        <source>torch&apos;s quantized embedding stores affine uint8 rows, not {weight}</source>
        <translation>torch 的量化嵌入以仿射 uint8 按行存储，而不是 {weight}</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>Leave it out.</source>
        <translation>请去掉它。</translation>
    </message>
    <message>
        <source>ONNX export</source>
        <translation>ONNX 导出</translation>
    </message>
    <message>
        <source>the model is larger than 2 GB</source>
        <translation>模型大于 2 GB</translation>
    </message>
    <message>
        <source>Use an FX target.</source>
        <translation>请使用 FX 目标。</translation>
    </message>
    <message>
        <source>torch cannot write this model as ONNX: {line}</source>
        <translation>torch 无法把该模型写成 ONNX：{line}</translation>
    </message>
    <message>
        <source>values got lost in torch&apos;s exporter</source>
        <translation>torch 的导出器丢失了一些值</translation>
    </message>
    <message>
        <source>is read in float, or on several grids, so it cannot be given as integers</source>
        <translation>以浮点或在多个网格上被读取，因此不能以整数给出</translation>
    </message>
    <message>
        <source>Quantize the layers that read it, or use --io float.</source>
        <translation>请量化读取它的层，或使用 --io float。</translation>
    </message>
    <message>
        <source>16-bit, 4-bit and grouped quantizers are in ONNX from opset 21 on</source>
        <translation>16 位、4 位和逐组的量化器从 opset 21 起才在 ONNX 中</translation>
    </message>
    <message>
        <source>{opset} is not supported</source>
        <translation>不支持 {opset}</translation>
    </message>
    <message>
        <source>Give one from {first} to {last}.</source>
        <translation>请给出 {first} 到 {last} 之间的值。</translation>
    </message>
    <message>
        <source>{opset} is too low for this plan: {what}</source>
        <translation>{opset} 对该方案太低：{what}</translation>
    </message>
    <message>
        <source>Give --opset {least}, or 8 bits.</source>
        <translation>请给出 --opset {least}，或使用 8 位。</translation>
    </message>
    <message>
        <source>{op_type} is used in a way that opset {opset} does not know</source>
        <translation>{op_type} 的用法是 opset {opset} 所没有的</translation>
    </message>
    <message>
        <source>{op_type} is not in opset {opset}</source>
        <translation>opset {opset} 中没有 {op_type}</translation>
    </message>
    <message>
        <source>Give --opset {opset}.</source>
        <translation>请给出 --opset {opset}。</translation>
    </message>
    <message>
        <source>reduces over axes known at run time</source>
        <translation>归约的轴在运行时才知道</translation>
    </message>
    <message>
        <source>Give --opset 18.</source>
        <translation>请给出 --opset 18。</translation>
    </message>
    <message>
        <source>Give --opset {first}.</source>
        <translation>请给出 --opset {first}。</translation>
    </message>
    <message>
        <source>Choose another target.</source>
        <translation>请选择其他目标。</translation>
    </message>
    <message>
        <source>{layer}: could not be compared with the simulation</source>
        <translation>{layer}：无法与模拟比较</translation>
    </message>
    <message>
        <source>{layer}: {share:.1f} % of its values are up to {max_steps} steps from the simulation</source>
        <translation>{layer}：{share:.1f} % 的值与模拟最多相差 {max_steps} 级</translation>
    </message>
    <message>
        <source>{name}: the float model behind it gives other numbers than the graph</source>
        <translation>{name}：其后的浮点模型给出的数与计算图不同</translation>
    </message>
    <message>
        <source>{layer}: in float, it gives other numbers than the graph</source>
        <translation>{layer}：在浮点下给出的数与计算图不同</translation>
    </message>
    <message>
        <source>writing the model</source>
        <translation>正在写入模型</translation>
    </message>
    <message>
        <source>is a folder</source>
        <translation>是一个文件夹</translation>
    </message>
    <message>
        <source>Give the name of a file, such as model.onnx.</source>
        <translation>请给出文件名，例如 model.onnx。</translation>
    </message>
    <message>
        <source>{io!r} is not known</source>
        <translation>未知的 {io!r}</translation>
    </message>
    <message>
        <source>Give float or int8.</source>
        <translation>请给出 float 或 int8。</translation>
    </message>
    <message>
        <source>ONNX Runtime</source>
        <translation>ONNX Runtime</translation>
    </message>
    <message>
        <source>does not take the model: {line}</source>
        <translation>不接受该模型：{line}</translation>
    </message>
    <message>
        <source>timing the whole model</source>
        <translation>正在对整个模型计时</translation>
    </message>
    <message>
        <source>timing the layers</source>
        <translation>正在对各层计时</translation>
    </message>
    <message>
        <source>the weight is stored as {dtype}, the kernel computes in float</source>
        <translation>权重存为 {dtype}，核以浮点计算</translation>
    </message>
    <message>
        <source>ONNX Runtime computes it in float between DequantizeLinear and QuantizeLinear of 16 bits</source>
        <translation>ONNX Runtime 在 16 位的 DequantizeLinear 与 QuantizeLinear 之间以浮点计算它</translation>
    </message>
    <message>
        <source>{in_float}: MatMulNBits takes groups of 16, 32, 64, ...</source>
        <translation>{in_float}：MatMulNBits 只接受 16、32、64…… 的组</translation>
    </message>
    <message>
        <source>ONNX Runtime has no integer kernel for {op}</source>
        <translation>ONNX Runtime 没有 {op} 的整数核</translation>
    </message>
    <message>
        <source>ONNX Runtime has an integer kernel for output size 1 only</source>
        <translation>ONNX Runtime 只对输出尺寸 1 有整数核</translation>
    </message>
    <message>
        <source>ONNX Runtime has an integer kernel for the mean over all of height and width only</source>
        <translation>ONNX Runtime 只对整个高和宽上的均值有整数核</translation>
    </message>
    <message>
        <source>ONNX Runtime has no integer kernel for this kind of average pooling (ceil_mode or a divisor)</source>
        <translation>ONNX Runtime 对这种平均池化（ceil_mode 或除数）没有整数核</translation>
    </message>
    <message>
        <source>ONNX Runtime runs it in integers only between two activations</source>
        <translation>ONNX Runtime 只在两个激活之间以整数运行它</translation>
    </message>
    <message>
        <source>ONNX Runtime takes activations of 8 or 16 bits, not {dtype}</source>
        <translation>ONNX Runtime 只接受 8 位或 16 位激活，不接受 {dtype}</translation>
    </message>
    <message>
        <source>ONNX Runtime has no dynamic kernel for {op}</source>
        <translation>ONNX Runtime 没有 {op} 的动态核</translation>
    </message>
    <message>
        <source>ONNX Runtime rounds at run time to {dynamic} only, not to {activation}</source>
        <translation>ONNX Runtime 在运行时只舍入到 {dynamic}，不舍入到 {activation}</translation>
    </message>
    <message>
        <source>ONNX Runtime&apos;s dynamic kernels take weights of up to 8 bits per tensor or channel, not {weight}</source>
        <translation>ONNX Runtime 的动态核只接受不超过 8 位、逐张量或逐通道的权重，不接受 {weight}</translation>
    </message>
    <message>
        <source>a weight is the same in every run: it has no dynamic range</source>
        <translation>权重在每次运行中都相同：没有动态范围</translation>
    </message>
    <message>
        <source>the lowering to ONNX takes inputs with a batch axis</source>
        <translation>转换到 ONNX 时只接受带批轴的输入</translation>
    </message>
    <message>
        <source>groups are along the features of linear layers</source>
        <translation>分组沿全连接层的特征进行</translation>
    </message>
    <message>
        <source>ONNX Runtime takes symmetric weights where they are per channel</source>
        <translation>ONNX Runtime 逐通道时只接受对称权重</translation>
    </message>
    <message>
        <source>the lowering to ONNX stores weights of {op} in float</source>
        <translation>转换到 ONNX 时，{op} 的权重以浮点存储</translation>
    </message>
    <message>
        <source>target pt2e</source>
        <translation>目标 pt2e</translation>
    </message>
    <message>
        <source>inductor&apos;s integer kernels are for x86, this is {machine}</source>
        <translation>inductor 的整数核只用于 x86，而本机是 {machine}</translation>
    </message>
    <message>
        <source>inductor needs a C++ compiler, and none was found</source>
        <translation>inductor 需要 C++ 编译器，但没有找到</translation>
    </message>
    <message>
        <source>inductor cannot compile the model: {line}</source>
        <translation>inductor 无法编译该模型：{line}</translation>
    </message>
    <message>
        <source>what inductor makes of it is counted by qinspect analyze --target pt2e, not here</source>
        <translation>inductor 如何处理它由 qinspect analyze --target pt2e 统计，不在此处</translation>
    </message>
    <message>
        <source>quantizing with PT2E</source>
        <translation>正在用 PT2E 量化</translation>
    </message>
    <message>
        <source>Give the name of a file, such as model.pt2.</source>
        <translation>请给出文件名，例如 model.pt2。</translation>
    </message>
    <message>
        <source>output {number} is not what the simulation says (SQNR {sqnr_db:.1f} dB)</source>
        <translation>输出 {number} 与模拟不符（SQNR {sqnr_db:.1f} dB）</translation>
    </message>
    <message>
        <source>compiling the int8 model with inductor, which takes minutes for a large one</source>
        <translation>正在用 inductor 编译 int8 模型，大模型需要几分钟</translation>
    </message>
    <message>
        <source>compiling the float model with inductor</source>
        <translation>正在用 inductor 编译浮点模型</translation>
    </message>
    <message>
        <source>inductor adds to the sums of a linear layer only what is float</source>
        <translation>inductor 只能把浮点值加到线性层的和上</translation>
    </message>
    <message>
        <source>inductor has no integer kernel for {one} and {other} together</source>
        <translation>inductor 没有把 {one} 和 {other} 合在一起的整数核</translation>
    </message>
    <message>
        <source>inductor&apos;s kernel clips sums by ReLU alone, not by {op}</source>
        <translation>inductor 的核只能用 ReLU 截断和，不能用 {op}</translation>
    </message>
    <message>
        <source>torchao&apos;s pattern for integer convolutions does not look whether they are transposed</source>
        <translation>torchao 的整数卷积模式不区分是否为转置卷积</translation>
    </message>
    <message>
        <source>inductor has no integer kernel for {op}</source>
        <translation>inductor 没有 {op} 的整数核</translation>
    </message>
    <message>
        <source>inductor&apos;s integer kernels take uint8 activations, not {dtype}</source>
        <translation>inductor 的整数核只接受 uint8 激活，不接受 {dtype}</translation>
    </message>
    <message>
        <source>inductor&apos;s integer kernels take int8 weights, not {dtype}</source>
        <translation>inductor 的整数核只接受 int8 权重，不接受 {dtype}</translation>
    </message>
    <message>
        <source>inductor&apos;s integer kernels take symmetric weights</source>
        <translation>inductor 的整数核只接受对称权重</translation>
    </message>
    <message>
        <source>inductor&apos;s quantized convolution takes no padding by name</source>
        <translation>inductor 的量化卷积不接受按名称给出的填充</translation>
    </message>
    <message>
        <source>build.py gives other numbers than the simulation</source>
        <translation>build.py 给出的数与模拟不同</translation>
    </message>
    <message>
        <source>TensorRT was not run: Q/DQ placement was checked by its rules, the numbers through ONNX Runtime</source>
        <translation>没有运行 TensorRT：Q/DQ 的放置按其规则检查，数值通过 ONNX Runtime 检查</translation>
    </message>
    <message>
        <source>{script} builds and profiles it on the device</source>
        <translation>{script} 在设备上构建并测量它</translation>
    </message>
    <message>
        <source>{opset} is not one that TensorRT reads</source>
        <translation>TensorRT 不读取 {opset}</translation>
    </message>
    <message>
        <source>model: opset {opset}; TensorRT&apos;s int8 networks are of opsets {first} to {last}</source>
        <translation>模型：opset {opset}；TensorRT 的 int8 网络要求 opset {first} 到 {last}</translation>
    </message>
    <message>
        <source>{node}: its scale is not a constant</source>
        <translation>{node}：它的缩放系数不是常量</translation>
    </message>
    <message>
        <source>{node}: a scale is not above 0</source>
        <translation>{node}：有缩放系数不大于 0</translation>
    </message>
    <message>
        <source>{node}: its type is not int8</source>
        <translation>{node}：它的类型不是 int8</translation>
    </message>
    <message>
        <source>{node}: an activation is quantized per channel</source>
        <translation>{node}：激活按逐通道量化</translation>
    </message>
    <message>
        <source>{node}: stands between {source} and {behind}, which would be fused</source>
        <translation>{node}：位于本会融合的 {source} 和 {behind} 之间</translation>
    </message>
    <message>
        <source>{node}: its {which} is not quantized, the other operand is</source>
        <translation>{node}：它的{which}没有量化，而另一个操作数已量化</translation>
    </message>
    <message>
        <source>{node}: its bias is quantized</source>
        <translation>{node}：它的偏置已量化</translation>
    </message>
    <message>
        <source>{node}: its weight is quantized along axis {axis}, TensorRT wants axis {wanted}</source>
        <translation>{node}：它的权重沿轴 {axis} 量化，而 TensorRT 要求轴 {wanted}</translation>
    </message>
    <message>
        <source>{node}: its weight is stored as {dtype}</source>
        <translation>{node}：它的权重存为 {dtype}</translation>
    </message>
    <message>
        <source>{node}: dequantizes what {op_type} {source} computes on bare integers</source>
        <translation>{node}：对 {op_type} {source} 直接用整数计算的结果做反量化</translation>
    </message>
    <message>
        <source>{node}: reads bare integers; TensorRT wants a DequantizeLinear before it</source>
        <translation>{node}：直接读取整数；TensorRT 要求之前有 DequantizeLinear</translation>
    </message>
    <message>
        <source>its kernels run on an NVIDIA GPU; --profile lays what trtexec measured there over the layers</source>
        <translation>它的核在 NVIDIA GPU 上运行；--profile 可把 trtexec 在那里测得的结果对应到各层</translation>
    </message>
    <message>
        <source>TensorRT&apos;s int8 ranges are constants</source>
        <translation>TensorRT 的 int8 范围是常量</translation>
    </message>
    <message>
        <source>TensorRT takes symmetric int8 activations, not {scheme}</source>
        <translation>TensorRT 只接受对称 int8 激活，不接受 {scheme}</translation>
    </message>
    <message>
        <source>TensorRT quantizes activations per tensor</source>
        <translation>TensorRT 对激活按逐张量量化</translation>
    </message>
    <message>
        <source>TensorRT takes symmetric int8 weights, not {scheme}</source>
        <translation>TensorRT 只接受对称 int8 权重，不接受 {scheme}</translation>
    </message>
    <message>
        <source>TensorRT quantizes int8 weights per tensor or per channel</source>
        <translation>TensorRT 的 int8 权重按逐张量或逐通道量化</translation>
    </message>
    <message>
        <source>TensorRT takes per-tensor weights in grouped transposed convolutions</source>
        <translation>TensorRT 的分组转置卷积只接受逐张量权重</translation>
    </message>
    <message>
        <source>TensorRT convolves in two or three dimensions</source>
        <translation>TensorRT 只做二维或三维卷积</translation>
    </message>
    <message>
        <source>TensorRT computes {op} in floating point</source>
        <translation>TensorRT 以浮点计算 {op}</translation>
    </message>
    <message>
        <source>ONNX has average pooling to output size 1 only</source>
        <translation>ONNX 只有输出尺寸为 1 的平均池化</translation>
    </message>
    <message>
        <source>TensorRT averages in integers over all of height and width only</source>
        <translation>TensorRT 只对整个高和宽以整数求平均</translation>
    </message>
    <message>
        <source>TensorRT runs it in integers only between two activations</source>
        <translation>TensorRT 只在两个激活之间以整数运行它</translation>
    </message>
    <message>
        <source>the lowering to TensorRT keeps no weight in integers beside float values</source>
        <translation>转换到 TensorRT 时，浮点值旁边的权重不保持整数</translation>
    </message>
    <message>
        <source>data</source>
        <translation>数据</translation>
    </message>
    <message>
        <source>there is no sample to calibrate on</source>
        <translation>没有样本可用于校准</translation>
    </message>
    <message>
        <source>Give more samples or another split.</source>
        <translation>请提供更多样本，或改用其他划分。</translation>
    </message>
    <message>
        <source>no such file</source>
        <translation>没有该文件</translation>
    </message>
    <message>
        <source>Check the path.</source>
        <translation>请检查路径。</translation>
    </message>
    <message>
        <source>is not a statistics file ({what})</source>
        <translation>不是统计量文件（{what}）</translation>
    </message>
    <message>
        <source>Calibrate anew.</source>
        <translation>请重新校准。</translation>
    </message>
    <message>
        <source>Calibrate anew with this version.</source>
        <translation>请用此版本重新校准。</translation>
    </message>
    <message>
        <source>weight per-tensor</source>
        <translation>权重逐张量</translation>
    </message>
    <message>
        <source>weight per-channel</source>
        <translation>权重逐通道</translation>
    </message>
    <message>
        <source>activation {bits} bit</source>
        <translation>激活 {bits} 位</translation>
    </message>
    <message>
        <source>activation moving average</source>
        <translation>激活 移动平均</translation>
    </message>
    <message>
        <source>activation 16 bit</source>
        <translation>激活 16 位</translation>
    </message>
    <message>
        <source>comparing candidates</source>
        <translation>正在比较候选配置</translation>
    </message>
    <message>
        <source>as it is</source>
        <translation>保持现状</translation>
    </message>
    <message>
        <source>weight 4 bit</source>
        <translation>权重 4 位</translation>
    </message>
    <message>
        <source>static</source>
        <translation>静态</translation>
    </message>
    <message>
        <source>weight only</source>
        <translation>仅权重</translation>
    </message>
    <message>
        <source>weight only, 4 bit in groups of 32</source>
        <translation>仅权重，4 位，每组 32 个</translation>
    </message>
    <message>
        <source>weight only, fp16</source>
        <translation>仅权重，fp16</translation>
    </message>
    <message>
        <source>dynamic</source>
        <translation>动态</translation>
    </message>
    <message>
        <source>activation {estimator}</source>
        <translation>激活 {estimator}</translation>
    </message>
    <message>
        <source>weight mse</source>
        <translation>权重 均方误差</translation>
    </message>
    <message>
        <source>matching the layers</source>
        <translation>正在匹配各层</translation>
    </message>
    <message>
        <source>has batch {batch}, the float model {float_batch}</source>
        <translation>批为 {batch}，而浮点模型为 {float_batch}</translation>
    </message>
    <message>
        <source>Export both for one.</source>
        <translation>请以同一个批导出两者。</translation>
    </message>
    <message>
        <source>gives outputs of shape {shape}, the float model {float_shape}</source>
        <translation>输出形状为 {shape}，而浮点模型为 {float_shape}</translation>
    </message>
    <message>
        <source>Give one of it.</source>
        <translation>请给出同一模型的量化版本。</translation>
    </message>
    <message>
        <source>timing both</source>
        <translation>正在对两者计时</translation>
    </message>
    <message>
        <source>running both models</source>
        <translation>正在运行两个模型</translation>
    </message>
    <message>
        <source>a new process with what was written {why}</source>
        <translation>加载所写内容的新进程{why}</translation>
    </message>
    <message>
        <source>torch interpolates integers nearest in two and three dimensions, bilinearly in two, to a known size</source>
        <translation>torch 对整数只能插值到已知大小：二维和三维取最近邻，二维可双线性</translation>
    </message>
    <message>
        <source>torch&apos;s integer kernels take weights per tensor or per channel</source>
        <translation>torch 的整数核只接受逐张量或逐通道的权重</translation>
    </message>
    <message>
        <source>{outputs}: computed in float and on no grid, so float in the file</source>
        <translation>{outputs}：以浮点计算且没有量化网格，因此在文件中保持浮点</translation>
    </message>
    <message>
        <source>it interpolates in integers by taking the nearest value, to a known size, only</source>
        <translation>它对整数只能以最近邻方式插值到已知大小</translation>
    </message>
    <message>
        <source>the lowering to ONNX multiplies two values at run time and adds none</source>
        <translation>转换到 ONNX 时，动态的乘积只乘两个值，不加其他值</translation>
    </message>
    <message>
        <source>inductor needs Python&apos;s and torch&apos;s headers, which this application does not bring</source>
        <translation>inductor 需要 Python 和 torch 的头文件，而本应用程序不带有它们</translation>
    </message>
    <message>
        <source>Install qinspect with pip for it, or choose fx-onednn.</source>
        <translation>为此请用 pip 安装 qinspect，或选择 fx-onednn。</translation>
    </message>
    <message>
        <source>{role}: {before} became {after}</source>
        <translation>{role}：{before} 改为 {after}</translation>
    </message>
    <message>
        <source>values per channel</source>
        <translation>各通道的数值</translation>
    </message>
    <message>
        <source>stopped ({last})</source>
        <translation>停止了（{last}）</translation>
    </message>
    <message>
        <source>running it in a process of its own {why}</source>
        <translation>在单独的进程中运行时{why}</translation>
    </message>
    <message>
        <source>crashed ({signal})</source>
        <translation>崩溃了（{signal}）</translation>
    </message>
    <message>
        <source>was killed; is there too little memory?</source>
        <translation>被终止了；是否内存不足？</translation>
    </message>
    <message>
        <source>its process hangs: it has told nothing for {minutes:.0f} minutes, and was ended</source>
        <translation>其进程没有响应：{minutes:.0f} 分钟没有消息，已被终止</translation>
    </message>
    <message>
        <source>measuring one layer at a time on {threads} threads of the cluster</source>
        <translation>在集群的 {threads} 个线程上逐层测量</translation>
    </message>
    <message>
        <source>a worker failed ({error})</source>
        <translation>一个工作进程失败（{error}）</translation>
    </message>
    <message>
        <source>cluster {address}</source>
        <translation>集群 {address}</translation>
    </message>
    <message>
        <source>a share of the work took down every worker that it was given to</source>
        <translation>有一份工作使每个接到它的工作进程都崩溃了</translation>
    </message>
    <message>
        <source>Is the same qinspect installed on all workers?</source>
        <translation>所有工作进程上安装的是同一个 qinspect 吗？</translation>
    </message>
    <message>
        <source>pip install &apos;qinspect[cluster]&apos;.</source>
        <translation>请执行 pip install &apos;qinspect[cluster]&apos;。</translation>
    </message>
    <message>
        <source>no scheduler answers ({error})</source>
        <translation>没有调度器应答（{error}）</translation>
    </message>
    <message>
        <source>waiting for a worker of the cluster</source>
        <translation>正在等待集群的工作进程</translation>
    </message>
    <message>
        <source>does not answer any more ({error})</source>
        <translation>不再应答（{error}）</translation>
    </message>
    <message>
        <source>has lost its scheduler</source>
        <translation>失去了调度器</translation>
    </message>
    <message>
        <source>Start it, and run this again.</source>
        <translation>请启动它，然后重新运行。</translation>
    </message>
    <message>
        <source>Give the workers more memory, or look into their logs.</source>
        <translation>请给工作进程更多内存，或查看它们的日志。</translation>
    </message>
    <message>
        <source>dask.distributed is not installed</source>
        <translation>未安装 dask.distributed</translation>
    </message>
    <message>
        <source>Is it running there?</source>
        <translation>它在那里运行吗？</translation>
    </message>
    <message>
        <source>calibrating on {threads} threads of the cluster</source>
        <translation>在集群的 {threads} 个线程上校准</translation>
    </message>
    <message>
        <source>has no worker</source>
        <translation>没有工作进程</translation>
    </message>
    <message>
        <source>Start some with dask worker.</source>
        <translation>请用 dask worker 启动几个。</translation>
    </message>
    <message>
        <source>Is its scheduler running?</source>
        <translation>它的调度器在运行吗？</translation>
    </message>
    <message>
        <source>has lost all its workers</source>
        <translation>失去了所有工作进程</translation>
    </message>
    <message>
        <source>Start some, and run it again.</source>
        <translation>请启动几个，然后重新运行。</translation>
    </message>
    <message>
        <source>worker {address}</source>
        <translation>工作进程 {address}</translation>
    </message>
    <message>
        <source>has {name} {ours}, not {theirs}</source>
        <translation>装的是 {name} {ours}，而不是 {theirs}</translation>
    </message>
    <message>
        <source>Give the same files to all workers; random weights differ: give --weights.</source>
        <translation>请给所有工作进程相同的文件；随机权重各不相同：请给出 --weights。</translation>
    </message>
    <message>
        <source>Install the same on all workers.</source>
        <translation>请在所有工作进程上安装相同的版本。</translation>
    </message>
    <message>
        <source>has something else under the name {name}</source>
        <translation>名称 {name} 之下是别的内容</translation>
    </message>
    <message>
        <source>Few samples: {few}.</source>
        <translation>样本偏少：{few}。</translation>
    </message>
    <message>
        <source>is one {kind} file</source>
        <translation>只是一个{kind}文件</translation>
    </message>
    <message>
        <source>Give the folder that it lies in.</source>
        <translation>请给出它所在的文件夹。</translation>
    </message>
    <message>
        <source>is no kind of data that is known</source>
        <translation>不是已知的数据种类</translation>
    </message>
    <message>
        <source>Use a folder of images or {suffixes}.</source>
        <translation>请使用图像文件夹或 {suffixes}。</translation>
    </message>
    <message>
        <source>none for a search to choose on</source>
        <translation>没有样本供搜索选择</translation>
    </message>
    <message>
        <source>Check the path to the data.</source>
        <translation>请检查数据的路径。</translation>
    </message>
    <message>
        <source>{final} to report on ({usual} are usual)</source>
        <translation>只有 {final} 个用于报告（通常为 {usual} 个）</translation>
    </message>
    <message>
        <source>none to report on</source>
        <translation>没有样本用于报告</translation>
    </message>
    <message>
        <source>is not there</source>
        <translation>不存在</translation>
    </message>
    <message>
        <source>{count} inputs</source>
        <translation>{count} 个输入</translation>
    </message>
    <message>
        <source>the input {name}</source>
        <translation>输入 {name}</translation>
    </message>
    <message>
        <source>does not hold {inputs} (it holds {arrays})</source>
        <translation>不含 {inputs}（它含有 {arrays}）</translation>
    </message>
    <message>
        <source>Name the arrays {names}, or {numbered}.</source>
        <translation>请把数组命名为 {names}，或 {numbered}。</translation>
    </message>
    <message>
        <source>holds NaN or infinite values, first in x[{sample}]</source>
        <translation>含有 NaN 或无穷大，最先出现在 x[{sample}]</translation>
    </message>
    <message>
        <source>Remove these samples.</source>
        <translation>请去掉这些样本。</translation>
    </message>
    <message>
        <source>as stored</source>
        <translation>按存储的原样</translation>
    </message>
    <message>
        <source>has no array {label}</source>
        <translation>没有数组 {label}</translation>
    </message>
    <message>
        <source>It has {arrays}.</source>
        <translation>它含有 {arrays}。</translation>
    </message>
    <message>
        <source>has no array x (it holds {arrays})</source>
        <translation>没有数组 x（它含有 {arrays}）</translation>
    </message>
    <message>
        <source>Name the samples x and the labels y.</source>
        <translation>请把样本命名为 x，标签命名为 y。</translation>
    </message>
    <message>
        <source>holds arrays, which are not resized or cropped</source>
        <translation>是数组，不做缩放或裁剪</translation>
    </message>
    <message>
        <source>Leave out --resize and --crop.</source>
        <translation>请去掉 --resize 和 --crop。</translation>
    </message>
    <message>
        <source>x has {count} samples and y has {found}</source>
        <translation>x 有 {count} 个样本，而 y 有 {found} 个</translation>
    </message>
    <message>
        <source>Give one target per sample.</source>
        <translation>请每个样本给一个目标值。</translation>
    </message>
    <message>
        <source>holds {dtype}, not real numbers</source>
        <translation>是 {dtype}，不是实数</translation>
    </message>
    <message>
        <source>Store float32 or integers.</source>
        <translation>请存为 float32 或整数。</translation>
    </message>
    <message>
        <source>x[{index}] has shape {shape}, another sample of the same batch has not</source>
        <translation>x[{index}] 的形状是 {shape}，与同批的另一个样本不同</translation>
    </message>
    <message>
        <source>Give samples of one shape.</source>
        <translation>请给出形状相同的样本。</translation>
    </message>
    <message>
        <source>cannot be read as .{kind} of plain arrays ({said})</source>
        <translation>无法作为只含数组的 .{kind} 读取（{said}）</translation>
    </message>
    <message>
        <source>Write it again, e.g. with numpy.savez(file, x=..., y=...).</source>
        <translation>请重新写出，例如用 numpy.savez(file, x=..., y=...)。</translation>
    </message>
    <message>
        <source>holds no sample (x has shape {shape})</source>
        <translation>没有样本（x 的形状是 {shape}）</translation>
    </message>
    <message>
        <source>Put samples along the first axis.</source>
        <translation>请把样本沿第一个轴排列。</translation>
    </message>
    <message>
        <source>Reshape x (its first axis counts the samples), or give the model&apos;s --input-shape.</source>
        <translation>请改变 x 的形状（第一个轴是样本数），或给出模型的 --input-shape。</translation>
    </message>
    <message>
        <source>build.py gives bit for bit the numbers of the simulation in plain fake quantization; model.onnx keeps TensorRT&apos;s rules and was held against the simulation layer by layer, fed the same numbers; all layers that the plan asks for, and no reason speaks against, are in integers in it</source>
        <translation>build.py 与朴素伪量化的模拟逐位一致；model.onnx 遵守 TensorRT 的规则，并在输入相同数值的条件下与模拟逐层比对；方案要求且没有理由反对的所有层在其中均为整数</translation>
    </message>
    <message>
        <source>nothing</source>
        <translation>空</translation>
    </message>
    <message>
        <source>has inputs of {count} and {other} samples</source>
        <translation>各输入的样本数为 {count} 和 {other}</translation>
    </message>
    <message>
        <source>Give each the same number.</source>
        <translation>请使它们的个数相同。</translation>
    </message>
    <message>
        <source>one channel (mean)</source>
        <translation>单声道（取均值）</translation>
    </message>
    <message>
        <source>holds audio of one channel, but the model takes {wanted}</source>
        <translation>是单声道音频，而模型接受 {wanted}</translation>
    </message>
    <message>
        <source>Give the features that it takes as an .npz with an array x.</source>
        <translation>请把模型所需的特征存为 .npz 中的数组 x。</translation>
    </message>
    <message>
        <source>holds NaN or infinite values</source>
        <translation>含有 NaN 或无穷大</translation>
    </message>
    <message>
        <source>holds no sample</source>
        <translation>没有样本</translation>
    </message>
    <message>
        <source>Remove or replace the file.</source>
        <translation>请删除或替换该文件。</translation>
    </message>
    <message>
        <source>{rate} Hz (soxr HQ)</source>
        <translation>{rate} Hz（soxr HQ）</translation>
    </message>
    <message>
        <source>the files&apos; own rate</source>
        <translation>文件自身的采样率</translation>
    </message>
    <message>
        <source>{length} samples (the end cut off, or silence added)</source>
        <translation>{length} 个采样点（末尾截去，或补静音）</translation>
    </message>
    <message>
        <source>holds audio, which needs the packages soundfile and soxr</source>
        <translation>是音频，需要 soundfile 和 soxr 包</translation>
    </message>
    <message>
        <source>pip install qinspect[audio].</source>
        <translation>pip install qinspect[audio]。</translation>
    </message>
    <message>
        <source>data option seconds</source>
        <translation>数据选项 seconds</translation>
    </message>
    <message>
        <source>says a length without a rate</source>
        <translation>给出了时长却没有采样率</translation>
    </message>
    <message>
        <source>Give --rate as well.</source>
        <translation>请同时给出 --rate。</translation>
    </message>
    <message>
        <source>{seconds:g} s at {rate} Hz are {length} samples, the model takes {time}</source>
        <translation>{rate} Hz 下的 {seconds:g} 秒是 {length} 个采样点，而模型接受 {time} 个</translation>
    </message>
    <message>
        <source>has {count} samples where another file has {other}</source>
        <translation>有 {count} 个采样点，而另一个文件有 {other} 个</translation>
    </message>
    <message>
        <source>Set --seconds, so that all get one length.</source>
        <translation>请设置 --seconds，使长度一致。</translation>
    </message>
    <message>
        <source>has gone since the folder was read</source>
        <translation>读取文件夹之后已不存在</translation>
    </message>
    <message>
        <source>Open the data again.</source>
        <translation>请重新打开数据。</translation>
    </message>
    <message>
        <source>cannot be decoded as audio ({line})</source>
        <translation>无法解码为音频（{line}）</translation>
    </message>
    <message>
        <source>has {rate} Hz where another file has {other} Hz</source>
        <translation>是 {rate} Hz，而另一个文件是 {other} Hz</translation>
    </message>
    <message>
        <source>Set --rate.</source>
        <translation>请设置 --rate。</translation>
    </message>
    <message>
        <source>on -1..1</source>
        <translation>取值在 -1..1</translation>
    </message>
    <message>
        <source>is longer than an hour, or says so</source>
        <translation>超过一小时，或声称如此</translation>
    </message>
    <message>
        <source>Cut it into pieces.</source>
        <translation>请切成几段。</translation>
    </message>
    <message>
        <source>is code, which may not run here</source>
        <translation>是代码，此处不允许运行</translation>
    </message>
    <message>
        <source>Allow it, or give the data as a file.</source>
        <translation>请允许运行，或以文件给出数据。</translation>
    </message>
    <message>
        <source>{count} samples read</source>
        <translation>已读取 {count} 个样本</translation>
    </message>
    <message>
        <source>returned no batch</source>
        <translation>没有返回任何批</translation>
    </message>
    <message>
        <source>Return an iterable of x or (x, y).</source>
        <translation>请返回由 x 或 (x, y) 组成的可迭代对象。</translation>
    </message>
    <message>
        <source>failed ({error}: {said})</source>
        <translation>失败（{error}：{said}）</translation>
    </message>
    <message>
        <source>Mend the callable.</source>
        <translation>请修正该可调用对象。</translation>
    </message>
    <message>
        <source>returns batches with different numbers of inputs</source>
        <translation>返回的各批输入个数不同</translation>
    </message>
    <message>
        <source>Return the same in each.</source>
        <translation>请每批返回相同的个数。</translation>
    </message>
    <message>
        <source>returned more than {limit} GiB</source>
        <translation>返回了超过 {limit} GiB</translation>
    </message>
    <message>
        <source>Limit the number of samples (--samples).</source>
        <translation>请限制样本数（--samples）。</translation>
    </message>
    <message>
        <source>{shape} {dtype} in {low} … {high}</source>
        <translation>{shape} {dtype}，取值 {low} … {high}</translation>
    </message>
    <message>
        <source>{shape} {dtype}: {values}</source>
        <translation>{shape} {dtype}：{values}</translation>
    </message>
    <message>
        <source>minus ({mean}), divided by ({std})</source>
        <translation>减去 ({mean})，除以 ({std})</translation>
    </message>
    <message>
        <source>data option normalize</source>
        <translation>数据选项 normalize</translation>
    </message>
    <message>
        <source>has {count} values for {channels}</source>
        <translation>{channels}却有 {count} 个值</translation>
    </message>
    <message>
        <source>Give one, or one per channel.</source>
        <translation>请给一个，或每个通道各给一个。</translation>
    </message>
    <message>
        <source>holds no image</source>
        <translation>没有图像</translation>
    </message>
    <message>
        <source>Choose a folder with {suffixes} files.</source>
        <translation>请选择含有 {suffixes} 文件的文件夹。</translation>
    </message>
    <message>
        <source>holds {loose} files beside sub-folders of such files, so it is unclear whether these are labels</source>
        <translation>在含有此类文件的子文件夹旁边还有 {loose} 个文件，无法判断这些子文件夹是否为标签</translation>
    </message>
    <message>
        <source>Put every file into a class folder, or none.</source>
        <translation>请把所有文件都放进类别文件夹，或都不放。</translation>
    </message>
    <message>
        <source>is {height} × {width} after scaling, smaller than the crop of {rows} × {columns}</source>
        <translation>缩放后为 {height} × {width}，小于裁剪尺寸 {rows} × {columns}</translation>
    </message>
    <message>
        <source>Set a larger resize or a smaller crop.</source>
        <translation>请设置更大的缩放或更小的裁剪。</translation>
    </message>
    <message>
        <source>centre crop {rows} × {columns} px</source>
        <translation>中心裁剪 {rows} × {columns} px</translation>
    </message>
    <message>
        <source>grey</source>
        <translation>灰度</translation>
    </message>
    <message>
        <source>scaled to 0..1</source>
        <translation>缩放到 0..1</translation>
    </message>
    <message>
        <source>holds images, but the model takes {shape}</source>
        <translation>是图像，而模型接受 {shape}</translation>
    </message>
    <message>
        <source>Give the data as an .npz with an array x.</source>
        <translation>请把数据存为含数组 x 的 .npz。</translation>
    </message>
    <message>
        <source>holds images of 3 channels, but the model takes {shape}</source>
        <translation>是 3 通道图像，而模型接受 {shape}</translation>
    </message>
    <message>
        <source>Check --layout (now {layout}), or give the data as an .npz with an array x.</source>
        <translation>请检查 --layout（现为 {layout}），或把数据存为含数组 x 的 .npz。</translation>
    </message>
    <message>
        <source>is {size} where another image is {other}</source>
        <translation>是 {size}，而另一张图像是 {other}</translation>
    </message>
    <message>
        <source>Set a crop, so that all images get one size.</source>
        <translation>请设置裁剪，使所有图像尺寸相同。</translation>
    </message>
    <message>
        <source>cannot be decoded as an image ({fault})</source>
        <translation>无法解码为图像（{fault}）</translation>
    </message>
    <message>
        <source>short side {short_side} px ({interpolation})</source>
        <translation>短边 {short_side} px（{interpolation}）</translation>
    </message>
    <message>
        <source>images of that size unchanged</source>
        <translation>尺寸正好的图像不变</translation>
    </message>
    <message>
        <source>data option crop</source>
        <translation>数据选项 crop</translation>
    </message>
    <message>
        <source>{crop} does not fit the model&apos;s input {shape}</source>
        <translation>{crop} 与模型的输入 {shape} 不符</translation>
    </message>
    <message>
        <source>Use {rows}, or leave it out.</source>
        <translation>请使用 {rows}，或去掉它。</translation>
    </message>
    <message>
        <source>returns batches of {one} and of {other}</source>
        <translation>返回的批次类型不一：{one} 与 {other}</translation>
    </message>
    <message>
        <source>returned more than fits into memory, and {folder} cannot hold it ({reason})</source>
        <translation>返回的数据超出内存，而 {folder} 也放不下（{reason}）</translation>
    </message>
    <message>
        <source>Make room, set TMPDIR to another folder, or limit the number of samples (--samples).</source>
        <translation>请腾出空间、将 TMPDIR 设为其他文件夹，或限制样本数 (--samples)。</translation>
    </message>
    <message>
        <source>has changed since it was opened</source>
        <translation>打开之后已被改变</translation>
    </message>
    <message>
        <source>column {columns} has shape {shape} in each row</source>
        <translation>列 {columns} 每行的形状是 {shape}</translation>
    </message>
    <message>
        <source>{where}, row {row}, column {column}</source>
        <translation>{where}，行 {row}，列 {column}</translation>
    </message>
    <message>
        <source>Name the columns {wanted}, or give --tokenizer.</source>
        <translation>请把列命名为 {wanted}，或给出 --tokenizer。</translation>
    </message>
    <message>
        <source>Name the columns {wanted}.</source>
        <translation>请把列命名为 {wanted}。</translation>
    </message>
    <message>
        <source>does not say which columns the model takes; it has {columns}</source>
        <translation>没有说明模型取哪些列；它含有 {columns}</translation>
    </message>
    <message>
        <source>{where}, column {column}</source>
        <translation>{where}，列 {column}</translation>
    </message>
    <message>
        <source>holds an empty field, or no numbers</source>
        <translation>含有空字段，或不是数字</translation>
    </message>
    <message>
        <source>Remove such rows.</source>
        <translation>请去掉这样的行。</translation>
    </message>
    <message>
        <source>holds no row</source>
        <translation>没有行</translation>
    </message>
    <message>
        <source>Give another table.</source>
        <translation>请给出另一个表。</translation>
    </message>
    <message>
        <source>has no column {label}</source>
        <translation>没有列 {label}</translation>
    </message>
    <message>
        <source>It has {columns}.</source>
        <translation>它含有 {columns}。</translation>
    </message>
    <message>
        <source>{what}, but the model takes {wanted}</source>
        <translation>{what}，而模型接受 {wanted}</translation>
    </message>
    <message>
        <source>Give the model&apos;s --input-shape.</source>
        <translation>请给出模型的 --input-shape。</translation>
    </message>
    <message>
        <source>has {rows} rows</source>
        <translation>有 {rows} 行</translation>
    </message>
    <message>
        <source>Give at most {most}.</source>
        <translation>请至多给出 {most} 行。</translation>
    </message>
    <message>
        <source>row {index} has shape {shape}, another row of the same batch has not</source>
        <translation>行 {index} 的形状是 {shape}，与同批的另一行不同</translation>
    </message>
    <message>
        <source>Give rows of one shape.</source>
        <translation>请给出形状相同的行。</translation>
    </message>
    <message>
        <source>holds no array of numbers ({said})</source>
        <translation>不是数字数组（{said}）</translation>
    </message>
    <message>
        <source>Choose another column.</source>
        <translation>请选择其他列。</translation>
    </message>
    <message>
        <source>is a table, which needs the package pyarrow</source>
        <translation>是表格，需要 pyarrow 包</translation>
    </message>
    <message>
        <source>pip install qinspect[tables].</source>
        <translation>pip install qinspect[tables]。</translation>
    </message>
    <message>
        <source>holds no bytes</source>
        <translation>没有字节</translation>
    </message>
    <message>
        <source>Store the files&apos; content in the table.</source>
        <translation>请把文件内容存入表格。</translation>
    </message>
    <message>
        <source>has several columns of text ({texts})</source>
        <translation>有多个文本列（{texts}）</translation>
    </message>
    <message>
        <source>Name the right one text.</source>
        <translation>请把正确的一列命名为 text。</translation>
    </message>
    <message>
        <source>has other columns than {other}</source>
        <translation>各列与 {other} 不同</translation>
    </message>
    <message>
        <source>Give tables of one kind.</source>
        <translation>请给出同一种表格。</translation>
    </message>
    <message>
        <source>has gone since it was opened</source>
        <translation>打开之后已不存在</translation>
    </message>
    <message>
        <source>cannot be read as a table ({said})</source>
        <translation>无法作为表格读取（{said}）</translation>
    </message>
    <message>
        <source>Write it again.</source>
        <translation>请重新写出。</translation>
    </message>
    <message>
        <source>holds bytes that are no image or audio</source>
        <translation>所含的字节不是图像或音频</translation>
    </message>
    <message>
        <source>Choose others.</source>
        <translation>请选择其他列。</translation>
    </message>
    <message>
        <source>gives token numbers and an attention mask, the model takes {names}</source>
        <translation>给出 token 编号和注意力掩码，而模型接受 {names}</translation>
    </message>
    <message>
        <source>Give the data as an .npz with an array per input.</source>
        <translation>请把数据存为 .npz，每个输入一个数组。</translation>
    </message>
    <message>
        <source>is text, which needs the model&apos;s tokenizer</source>
        <translation>是文本，需要模型的分词器</translation>
    </message>
    <message>
        <source>Give --tokenizer tokenizer.json, or token numbers as an .npz.</source>
        <translation>请给出 --tokenizer tokenizer.json，或把 token 编号存为 .npz。</translation>
    </message>
    <message>
        <source>holds no text</source>
        <translation>没有文本</translation>
    </message>
    <message>
        <source>Put one on each line.</source>
        <translation>请每行放一条。</translation>
    </message>
    <message>
        <source>has no label for {missing} of {count} samples</source>
        <translation>{count} 个样本中有 {missing} 个没有标签</translation>
    </message>
    <message>
        <source>Give one for each, or none.</source>
        <translation>请每个样本给一个，或都不给。</translation>
    </message>
    <message>
        <source>has labels that are neither numbers nor words</source>
        <translation>标签既不是数字也不是词</translation>
    </message>
    <message>
        <source>Write 0, 1, ... or the classes&apos; names.</source>
        <translation>请写 0、1……或类别名称。</translation>
    </message>
    <message>
        <source>holds text, but the model takes {shape}</source>
        <translation>是文本，而模型接受 {shape}</translation>
    </message>
    <message>
        <source>data option max_length</source>
        <translation>数据选项 max_length</translation>
    </message>
    <message>
        <source>{max_length} is not the {fixed} that the model takes</source>
        <translation>{max_length} 不是模型所接受的 {fixed}</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>token</translation>
    </message>
    <message>
        <source>has no token</source>
        <translation>没有 token</translation>
    </message>
    <message>
        <source>Remove empty texts.</source>
        <translation>请去掉空文本。</translation>
    </message>
    <message>
        <source>cannot be read ({said})</source>
        <translation>无法读取（{said}）</translation>
    </message>
    <message>
        <source>Give the model&apos;s tokenizer.json.</source>
        <translation>请给出模型的 tokenizer.json。</translation>
    </message>
    <message>
        <source>is text, which needs the package tokenizers</source>
        <translation>是文本，需要 tokenizers 包</translation>
    </message>
    <message>
        <source>pip install qinspect[text].</source>
        <translation>pip install qinspect[text]。</translation>
    </message>
    <message>
        <source>is not a tokenizer file ({said})</source>
        <translation>不是分词器文件（{said}）</translation>
    </message>
    <message>
        <source>Give the tokenizer.json of the model&apos;s folder.</source>
        <translation>请给出模型文件夹中的 tokenizer.json。</translation>
    </message>
    <message>
        <source>cut off at {most}</source>
        <translation>截断到 {most}</translation>
    </message>
    <message>
        <source>whole texts</source>
        <translation>完整文本</translation>
    </message>
    <message>
        <source>filled up to {fixed}</source>
        <translation>填充到 {fixed}</translation>
    </message>
    <message>
        <source>each as long as it is</source>
        <translation>各自的长度</translation>
    </message>
    <message>
        <source>cannot be tokenized ({said})</source>
        <translation>无法分词（{said}）</translation>
    </message>
    <message>
        <source>Is it text?</source>
        <translation>它是文本吗？</translation>
    </message>
    <message>
        <source>{path}, line {number}</source>
        <translation>{path}，第 {number} 行</translation>
    </message>
    <message>
        <source>is not JSON with a text ({said})</source>
        <translation>不是带 text 的 JSON（{said}）</translation>
    </message>
    <message>
        <source>Write {{&quot;text&quot;: ..., &quot;label&quot;: ...}} on each line.</source>
        <translation>请每行写 {{&quot;text&quot;: ..., &quot;label&quot;: ...}}。</translation>
    </message>
    <message>
        <source>{seconds} is not a length</source>
        <translation>{seconds} 不是时长</translation>
    </message>
    <message>
        <source>Give a number above 0.</source>
        <translation>请给出大于 0 的数。</translation>
    </message>
    <message>
        <source>{shares} is not three shares of which the first is above 0</source>
        <translation>{shares} 不是首项大于 0 的三个份额</translation>
    </message>
    <message>
        <source>Write it as 50/25/25.</source>
        <translation>请写成 50/25/25。</translation>
    </message>
    <message>
        <source>mean and std do not have the same number of values</source>
        <translation>均值和标准差的个数不同</translation>
    </message>
    <message>
        <source>Give one of each per channel.</source>
        <translation>请每个通道各给一个。</translation>
    </message>
    <message>
        <source>a std is not above 0</source>
        <translation>有标准差不大于 0</translation>
    </message>
    <message>
        <source>Give positive values.</source>
        <translation>请给出正数。</translation>
    </message>
    <message>
        <source>{text!r} adds up to {total}, not to 100</source>
        <translation>{text!r} 之和是 {total}，而不是 100</translation>
    </message>
    <message>
        <source>Give shares in percent, such as 50/25/25.</source>
        <translation>请用百分比给出，例如 50/25/25。</translation>
    </message>
    <message>
        <source>{value} is not a number of at least 1</source>
        <translation>{value} 不是至少为 1 的数</translation>
    </message>
    <message>
        <source>Give a larger one.</source>
        <translation>请给出更大的数。</translation>
    </message>
    <message>
        <source>{value!r} is not known</source>
        <translation>未知的 {value!r}</translation>
    </message>
    <message>
        <source>does not know {unknown}</source>
        <translation>含有未知项 {unknown}</translation>
    </message>
    <message>
        <source>has no source</source>
        <translation>没有来源</translation>
    </message>
    <message>
        <source>data settings</source>
        <translation>数据设置</translation>
    </message>
    <message>
        <source>Choose the data again.</source>
        <translation>请重新选择数据。</translation>
    </message>
    <message>
        <source>is not imagenet, none or MEAN/STD</source>
        <translation>不是 imagenet、none 或 MEAN/STD</translation>
    </message>
    <message>
        <source>data option {option}</source>
        <translation>数据选项 {option}</translation>
    </message>
    <message>
        <source>{layers}; MSE of the whole plan {mse:.3g} of the outputs&apos; power</source>
        <translation>{layers}；整个方案的 MSE 为输出功率的 {mse:.3g}</translation>
    </message>
    <message>
        <source>top-1 {metric:.1%} with {classes} classes, before anything is quantized</source>
        <translation>量化之前，{classes} 类的 top-1 只有 {metric:.1%}</translation>
    </message>
    <message>
        <source>The ranges of {unlike} of {all} tensors differ by more than a quarter between the halves of the calibration data</source>
        <translation>{all} 个张量中有 {unlike} 个的取值范围在校准数据的前后两半之间相差超过四分之一</translation>
    </message>
    <message>
        <source>{samples} samples; {tensors}</source>
        <translation>{samples} 个样本；{tensors}</translation>
    </message>
    <message>
        <source>Calibrate on more samples, or on ones that are more alike what the model will see.</source>
        <translation>请用更多样本校准，或用与模型实际输入更相似的样本。</translation>
    </message>
    <message>
        <source>Find the first of them in the graph: the float model is broken there, or the data is.</source>
        <translation>请在图中找到其中的第一个：那里的浮点模型或数据有问题。</translation>
    </message>
    <message>
        <source>{unlike} of {all} tensors look different on samples that were not calibrated on</source>
        <translation>{all} 个张量中有 {unlike} 个在未用于校准的样本上表现不同</translation>
    </message>
    <message>
        <source>{tensors}; at worst {worst:.0%} of the calibrated range beyond its end</source>
        <translation>{tensors}；最严重时超出校准范围 {worst:.0%}</translation>
    </message>
    <message>
        <source>Calibrate on samples like those that the model will see: the same source, preprocessing and classes.</source>
        <translation>请用与模型实际输入相似的样本校准：相同的来源、预处理和类别。</translation>
    </message>
    <message>
        <source>The calibration data of input {name} looks like random numbers</source>
        <translation>输入 {name} 的校准数据看起来像随机数</translation>
    </message>
    <message>
        <source>its values follow a {kind} distribution to within {near:.0%} everywhere</source>
        <translation>它的值处处服从{kind}分布，误差不超过 {near:.0%}</translation>
    </message>
    <message>
        <source>Calibrate on real samples: inside the network random numbers give other ranges than data.</source>
        <translation>请用真实样本校准：随机数在网络内部造成的取值范围与真实数据不同。</translation>
    </message>
    <message>
        <source>normal</source>
        <translation>正态</translation>
    </message>
    <message>
        <source>uniform</source>
        <translation>均匀</translation>
    </message>
    <message>
        <source>The error of {outputs} hides behind a larger one&apos;s scale</source>
        <translation>{outputs}的误差被另一个数值更大的输出掩盖</translation>
    </message>
    <message>
        <source>output {index} has SQNR {sqnr_db:.1f} dB; over all outputs together it seems {whole_db:.1f} dB</source>
        <translation>输出 {index} 的 SQNR 为 {sqnr_db:.1f} dB；所有输出合在一起看似 {whole_db:.1f} dB</translation>
    </message>
    <message>
        <source>Judge each output by its own error (its row under outputs); the totals here weigh all alike.</source>
        <translation>请按每个输出自己的误差判断（见各输出所在的行）；这里的总计对所有输出一视同仁。</translation>
    </message>
    <message>
        <source>output</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>{count} of the layers that {target} runs compute something else than the plan says</source>
        <translation>{target} 运行的层中有 {count} 层的计算结果与方案不符</translation>
    </message>
    <message>
        <source>{title}: the kernel&apos;s sums saturate</source>
        <translation>{title}：核的求和饱和</translation>
    </message>
    <message>
        <source>{evidence}; agreement {kernels:.1%} in the kernels, {simulated:.1%} simulated</source>
        <translation>{evidence}；一致率：实际核 {kernels:.1%}，模拟 {simulated:.1%}</translation>
    </message>
    <message>
        <source>Keep these layers in float, or choose another engine.</source>
        <translation>让这些层保持浮点，或选择其他引擎。</translation>
    </message>
    <message>
        <source>Use 7-bit activations: half the range of each number, so that sums of two products fit 16 bits.</source>
        <translation>使用 7 位激活：每个数的范围减半，两个乘积之和就不超出 16 位。</translation>
    </message>
    <message>
        <source>{relus} left out by {target}</source>
        <translation>{target} 省略了 {relus}</translation>
    </message>
    <message>
        <source>{values:,} values below 0 behind {layers}</source>
        <translation>{layers} 之后有 {values:,} 个值小于 0</translation>
    </message>
    <message>
        <source>Do not fuse them: the grid of these layers reaches below 0, so nothing else clips there.</source>
        <translation>不要融合它们：这些层的网格延伸到 0 以下，那里没有别的东西会截断。</translation>
    </message>
    <message>
        <source>The integer model is slower than the float one: {float_time} → {int8_time}</source>
        <translation>整数模型比浮点模型慢：{float_time} → {int8_time}</translation>
    </message>
    <message>
        <source>Choose another target, or keep the layers below in float.</source>
        <translation>请选择其他目标，或让下面列出的层保持浮点。</translation>
    </message>
    <message>
        <source>{count} quantized layers are slower than in float</source>
        <translation>{count} 个量化层比浮点更慢</translation>
    </message>
    <message>
        <source>1 quantized layer is slower than in float</source>
        <translation>1 个量化层比浮点更慢</translation>
    </message>
    <message>
        <source>fused ReLU</source>
        <translation>融合的 ReLU</translation>
    </message>
    <message>
        <source>{target} takes one scale per weight: keep these layers in float, or choose another target.</source>
        <translation>{target} 对每个权重只用一个缩放系数：让这些层保持浮点，或选择其他目标。</translation>
    </message>
    <message>
        <source>Quantize these weights per channel.</source>
        <translation>对这些权重使用逐通道量化。</translation>
    </message>
    <message>
        <source>the largest channel is {spread:.3g} times the median one after folding</source>
        <translation>折叠后最大的通道是中位通道的 {spread:.3g} 倍</translation>
    </message>
    <message>
        <source>the largest channel is {spread:.3g} times the median one</source>
        <translation>最大的通道是中位通道的 {spread:.3g} 倍</translation>
    </message>
    <message>
        <source>Outliers rule the range of {tensors}</source>
        <translation>{tensors}的取值范围由离群值决定</translation>
    </message>
    <message>
        <source>worst at {worst}: {central:.1%} of the values lie between {low:.3g} and {high:.3g}, the range goes from {min:.3g} to {max:.3g} and costs them {bits:.1f} bits</source>
        <translation>最严重的是 {worst}：{central:.1%} 的值在 {low:.3g} 和 {high:.3g} 之间，而取值范围从 {min:.3g} 到 {max:.3g}，使它们损失 {bits:.1f} 位</translation>
    </message>
    <message>
        <source>Clip the outliers, which gives finer steps to all others, and see what that does to the output.</source>
        <translation>截断离群值，使其余所有值的级更细，再看对输出的影响。</translation>
    </message>
    <message>
        <source>{tensors} without negative values on a symmetric grid</source>
        <translation>{tensors}没有负值，却用对称网格</translation>
    </message>
    <message>
        <source>half of the steps are never used: {layers}</source>
        <translation>有一半的级从未用到：{layers}</translation>
    </message>
    <message>
        <source>Equalize {pairs} of neighbours: the model stays the same in float.</source>
        <translation>均衡 {pairs}：模型在浮点下保持不变。</translation>
    </message>
    <message>
        <source>{weights} with one scale for channels of very different size</source>
        <translation>{weights}的各通道大小悬殊，却共用一个缩放系数</translation>
    </message>
    <message>
        <source>worst at {worst}: {unlike}; a scale per channel has {less_db:.0f} dB less noise</source>
        <translation>最严重的是 {worst}：{unlike}；逐通道的缩放系数可降低噪声 {less_db:.0f} dB</translation>
    </message>
    <message>
        <source>The weights of {layers} cause {share:.0%} of the error (estimated)</source>
        <translation>{layers}的权重造成 {share:.0%} 的误差（估计）</translation>
    </message>
    <message>
        <source>Round each of these weights up or down by data, and correct the biases: the model is as fast as before.</source>
        <translation>按数据决定这些权重向上还是向下舍入，并修正偏置：模型的速度不变。</translation>
    </message>
    <message>
        <source>{cats} of tensors with very different ranges</source>
        <translation>{cats}的输入取值范围相差很大</translation>
    </message>
    <message>
        <source>at {worst} the range of {name} is {ratio:.3g} times smaller than the widest, and keeps {bits:.1f} of its 8 bits</source>
        <translation>在 {worst}，{name} 的取值范围是最宽者的 1/{ratio:.3g}，8 位中只剩 {bits:.1f} 位</translation>
    </message>
    <message>
        <source>Keep the concatenation in float, so that each input has a grid of its own; or scale the inputs alike.</source>
        <translation>让该拼接保持浮点，使每个输入有自己的网格；或者把各输入缩放到相近的范围。</translation>
    </message>
    <message>
        <source>{tensors} held one value only during calibration</source>
        <translation>{tensors}在校准时只有一个值</translation>
    </message>
    <message>
        <source>{layers}: the range rests on nothing, and other data will be clipped</source>
        <translation>{layers}：取值范围没有依据，其他数据会被截断</translation>
    </message>
    <message>
        <source>Use an affine grid there: it has twice the steps for the same range.</source>
        <translation>在那里使用仿射网格：同样的范围有两倍的级数。</translation>
    </message>
    <message>
        <source>{target} takes symmetric activations only: this bit is the price of the target.</source>
        <translation>{target} 只接受对称激活：损失的这一位是该目标的代价。</translation>
    </message>
    <message>
        <source>tensor</source>
        <translation>张量</translation>
    </message>
    <message>
        <source>pair</source>
        <translation>相邻层对</translation>
    </message>
    <message>
        <source>weight</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>at least {share:.1%} of the values of every integer layer, fed the kernel&apos;s own input, are within one step of the simulation</source>
        <translation>每个整数层以核自身的输入计算时，至少 {share:.1%} 的值与模拟相差不超过一级</translation>
    </message>
    <message>
        <source>cannot be written ({reason})</source>
        <translation>无法写入（{reason}）</translation>
    </message>
    <message>
        <source>bit for bit the kernels that were measured: all outputs, and every integer of the first batch; {layers}; all layers that the plan asks for, and no reason speaks against, run in integers</source>
        <translation>与所测核逐位相同：全部输出，以及第一批的每个整数；{layers}；方案要求且无理由不量化的层均以整数运行</translation>
    </message>
    <message>
        <source>it needs more than torch: {others}</source>
        <translation>除 torch 外它还需要：{others}</translation>
    </message>
    <message>
        <source>bench.py gives {share:.1%} of the expected outputs</source>
        <translation>bench.py 的输出只有 {share:.1%} 与预期相同</translation>
    </message>
    <message>
        <source>{layers}; float layers are those of the graph; all layers that the plan asks for, and no reason speaks against, run in integers</source>
        <translation>{layers}；浮点层与计算图一致；方案要求且无理由不量化的层均以整数运行</translation>
    </message>
    <message>
        <source>it needs more than onnxruntime: {others}</source>
        <translation>除 onnxruntime 外它还需要：{others}</translation>
    </message>
    <message>
        <source>each output has an SQNR of at least 20 dB against the simulation; all layers that the plan asks for, and no reason speaks against, stand between quantizers</source>
        <translation>每个输出相对模拟的 SQNR 不低于 20 dB；方案要求且无理由不量化的层均位于量化器之间</translation>
    </message>
    <message>
        <source>it needs more than torch and onnxruntime: {others}</source>
        <translation>除 torch 和 onnxruntime 外它还需要：{others}</translation>
    </message>
    <message>
        <source>activation</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>{node}: zero point {zero_point}, where TensorRT wants 0</source>
        <translation>{node}：零点为 {zero_point}，而 TensorRT 要求 0</translation>
    </message>
    <message>
        <source>has version {version}</source>
        <translation>版本为 {version}</translation>
    </message>
    <message>
        <source>the second model</source>
        <translation>第二个模型</translation>
    </message>
    <message>
        <source>layer</source>
        <translation>层</translation>
    </message>
    <message>
        <source>concatenation</source>
        <translation>拼接</translation>
    </message>
    <message>
        <source>channel</source>
        <translation>通道</translation>
    </message>
    <message>
        <source>{weights} rounded and stored as asked: that saves bytes, and no time</source>
        <translation>{weights}按要求舍入并存储：节省空间，不节省时间</translation>
    </message>
    <message>
        <source>{reason}: {layers}</source>
        <translation>{reason}：{layers}</translation>
    </message>
    <message>
        <source>Nothing, where it is the size that counts; a dynamic or static qconfig has integer kernels.</source>
        <translation>如果只看重大小，不用处理；动态或静态量化配置才有整数核。</translation>
    </message>
    <message>
        <source>{layers}; KL of the whole plan {kl:.3f} nats</source>
        <translation>{layers}；整个方案的 KL 为 {kl:.3f} nat</translation>
    </message>
    <message>
        <source>Keep them in float, then look for a cheaper remedy layer by layer.</source>
        <translation>让它们保持浮点，再逐层寻找代价更小的办法。</translation>
    </message>
    <message>
        <source>{islands} of float inside the integers</source>
        <translation>整数之间有 {islands}</translation>
    </message>
    <message>
        <source>{count} of {all} {op} layers are not fused</source>
        <translation>{all} 个 {op} 层中有 {count} 个没有融合</translation>
    </message>
    <message>
        <source>switched off in the plan: {layers}</source>
        <translation>在方案中关闭：{layers}</translation>
    </message>
    <message>
        <source>Fuse them: a tensor less is rounded for each, and its grid is not spent on values that are cut off.</source>
        <translation>融合它们：每处少舍入一个张量，网格也不会浪费在被截去的值上。</translation>
    </message>
    <message>
        <source>{count} of {all} BatchNorms cannot be folded</source>
        <translation>{all} 个 BatchNorm 中有 {count} 个无法折叠</translation>
    </message>
    <message>
        <source>Change the model so that each follows a convolution or linear layer of its own, in eval mode.</source>
        <translation>请修改模型，使每个 BatchNorm 紧跟自己的卷积或全连接层，并处于 eval 模式。</translation>
    </message>
    <message>
        <source>{layers} asked for, but run in float</source>
        <translation>{layers}要求整数，却以浮点运行</translation>
    </message>
    <message>
        <source>{reason}: {layers} ({share:.0%} of the multiply-adds)</source>
        <translation>{reason}：{layers}（占乘加的 {share:.0%}）</translation>
    </message>
    <message>
        <source>Ask for float there, so that the plan says what runs; or choose another target.</source>
        <translation>在那里要求浮点，使方案与实际运行一致；或选择其他目标。</translation>
    </message>
    <message>
        <source>Quantize {layers} too, and see what that costs.</source>
        <translation>把 {layers} 也量化，再看代价如何。</translation>
    </message>
    <message>
        <source>island</source>
        <translation>浮点孤岛</translation>
    </message>
    <message>
        <source>this model has no such layer</source>
        <translation>该模型没有这一层</translation>
    </message>
    <message>
        <source>The nearest are {near}.</source>
        <translation>最接近的是 {near}。</translation>
    </message>
    <message>
        <source>computes no integers on {target}: {reason}</source>
        <translation>在 {target} 上不以整数计算：{reason}</translation>
    </message>
    <message>
        <source>Choose another layer.</source>
        <translation>请选择其他层。</translation>
    </message>
    <message>
        <source>the integers of {missing} cannot be read on this target</source>
        <translation>在该目标上读不到 {missing} 的整数</translation>
    </message>
    <message>
        <source>its integers cannot be read without changing what runs</source>
        <translation>不改变运行方式就读不到它的整数</translation>
    </message>
    <message>
        <source>measuring errors</source>
        <translation>正在测量误差</translation>
    </message>
    <message>
        <source>simulating</source>
        <translation>正在模拟</translation>
    </message>
    <message>
        <source>cannot run: {line}</source>
        <translation>无法运行：{line}</translation>
    </message>
    <message>
        <source>Does the data have the model&apos;s input shape?</source>
        <translation>数据的形状与模型的输入一致吗？</translation>
    </message>
    <message>
        <source>The remedies of the plan that made it ({kinds}) are in its numbers, and are not applied again.</source>
        <translation>生成它的方案中的修正办法（{kinds}）已体现在其数值中，不再重复应用。</translation>
    </message>
    <message>
        <source>The file has its weights in integers only: figures are held against those weights in float, and what rounding them cost is in none. qinspect compare holds the file against the float model.</source>
        <translation>该文件只有整数权重：各项数字以这些权重的浮点形式为基准，不含权重舍入造成的损失。要与浮点模型比较，请用 qinspect compare。</translation>
    </message>
    <message>
        <source>Figures are held against the float weights that are stored beside the scales.</source>
        <translation>各项数字以与缩放系数一起保存的浮点权重为基准。</translation>
    </message>
    <message>
        <source>export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>there is no {to!r}</source>
        <translation>没有 {to!r}</translation>
    </message>
    <message>
        <source>export to {to}</source>
        <translation>导出到 {to}</translation>
    </message>
    <message>
        <source>the plan is for {target}</source>
        <translation>方案的目标是 {target}</translation>
    </message>
    <message>
        <source>Set the target to one of {needed}.</source>
        <translation>请把目标设为 {needed} 之一。</translation>
    </message>
    <message>
        <source>say nothing of {to}</source>
        <translation>与 {to} 无关</translation>
    </message>
    <message>
        <source>They go with --to {onnx_kinds}.</source>
        <translation>它们只用于 --to {onnx_kinds}。</translation>
    </message>
    <message>
        <source>plan</source>
        <translation>方案</translation>
    </message>
    <message>
        <source>its remedies look at samples</source>
        <translation>它的修正办法需要样本</translation>
    </message>
    <message>
        <source>Give --data as well.</source>
        <translation>请同时给出 --data。</translation>
    </message>
    <message>
        <source>verified on {count} synthetic inputs drawn from the statistics, no data was given</source>
        <translation>没有给出数据，已用由统计量生成的 {count} 个合成输入验证</translation>
    </message>
    <message>
        <source>plan.json, read again, is another plan</source>
        <translation>重新读入的 plan.json 是另一个方案</translation>
    </message>
    <message>
        <source>Choose another folder, or make room.</source>
        <translation>请选择其他文件夹，或腾出空间。</translation>
    </message>
    <message>
        <source>unsupported by the backends</source>
        <translation>后端不支持</translation>
    </message>
    <message>
        <source>{layer} pads with zeros, which have not been normalized</source>
        <translation>{layer} 用零填充，而这些零未经归一化</translation>
    </message>
    <message>
        <source>its input</source>
        <translation>它的输入</translation>
    </message>
    <message>
        <source>the weight of {layer} is computed at run time</source>
        <translation>{layer} 的权重在运行时计算</translation>
    </message>
    <message>
        <source>{layer} has no batch</source>
        <translation>{layer} 没有批</translation>
    </message>
    <message>
        <source>the outputs of {layer} add up different numbers of products</source>
        <translation>{layer} 各输出累加的乘积个数不同</translation>
    </message>
    <message>
        <source>it is in train mode, its statistics change with every batch</source>
        <translation>它处于训练模式，统计量随每批变化</translation>
    </message>
    <message>
        <source>it has no stored statistics</source>
        <translation>它没有存储的统计量</translation>
    </message>
    <message>
        <source>its parameters are computed at run time</source>
        <translation>它的参数在运行时计算</translation>
    </message>
    <message>
        <source>what comes before it is no convolution or linear layer ({before})</source>
        <translation>它之前不是卷积或全连接层（{before}）</translation>
    </message>
    <message>
        <source>{between} stands between it and {unit}</source>
        <translation>{between} 位于它与 {unit} 之间</translation>
    </message>
    <message>
        <source>it normalizes another axis than {what}</source>
        <translation>它归一化的轴不是{what}</translation>
    </message>
    <message>
        <source>it does not pad with zeros</source>
        <translation>它不是用零填充</translation>
    </message>
    <message>
        <source>{what} is also an output of the model</source>
        <translation>{what}同时是模型的输出</translation>
    </message>
    <message>
        <source>{what} is also read by {others}</source>
        <translation>{what}还被 {others} 读取</translation>
    </message>
    <message>
        <source>the model&apos;s input</source>
        <translation>模型的输入</translation>
    </message>
    <message>
        <source>the linear layer&apos;s outputs</source>
        <translation>全连接层的输出</translation>
    </message>
    <message>
        <source>the convolution&apos;s channels</source>
        <translation>卷积的通道</translation>
    </message>
    <message>
        <source>it makes the weight of {after}</source>
        <translation>它给出 {after} 的权重</translation>
    </message>
    <message>
        <source>{after} adds up another axis than its channels</source>
        <translation>{after} 累加的轴不是其通道</translation>
    </message>
    <message>
        <source>{unit} before it is not folded</source>
        <translation>它前面的 {unit} 没有折叠</translation>
    </message>
    <message>
        <source>{conv} has no padding of this kind</source>
        <translation>{conv} 没有这种填充</translation>
    </message>
    <message>
        <source>its result</source>
        <translation>它的结果</translation>
    </message>
    <message>
        <source>{after} mixes its channels with another axis</source>
        <translation>{after} 把它的通道与另一个轴混合</translation>
    </message>
    <message>
        <source>qconfig mismatch: the plan asks another type for it than for {unit}</source>
        <translation>量化配置不一致：方案对它和对 {unit} 要求的类型不同</translation>
    </message>
    <message>
        <source>{no_kernel}: {one} and {other} are lowered as two layers</source>
        <translation>{no_kernel}：{one} 和 {other} 转换为两个层</translation>
    </message>
    <message>
        <source>it crops, or pads another axis than the convolution&apos;s</source>
        <translation>它做裁剪，或填充的轴不是卷积的轴</translation>
    </message>
    <message>
        <source>it pads one side more than the other</source>
        <translation>它的一侧比另一侧填充得多</translation>
    </message>
    <message>
        <source>an argument of kind {kind} cannot be written</source>
        <translation>无法写出类型为 {kind} 的参数</translation>
    </message>
    <message>
        <source>Report this model.</source>
        <translation>请报告这个模型。</translation>
    </message>
    <message>
        <source>The override for {kind} {pattern!r} has no effect: {matched} is fused into {hosts}, whose qconfig holds.</source>
        <translation>对 {kind} {pattern!r} 的覆盖无效：{matched} 已融合进 {hosts}，以后者的量化配置为准。</translation>
    </message>
    <message>
        <source>{layer_id} shares the quantizer of {leader}, whose activation qconfig holds for both ({holds}); its own ({own}) has no effect.</source>
        <translation>{layer_id} 与 {leader} 共用量化器，两者都以后者的激活量化配置（{holds}）为准；它自己的（{own}）无效。</translation>
    </message>
    <message>
        <source>An override of the plan is lost: {what}. {remedy}</source>
        <translation>方案中的一项覆盖已失效：{what}。{remedy}</translation>
    </message>
    <message>
        <source>Give one for each input.</source>
        <translation>请为每个输入各给一个。</translation>
    </message>
    <message>
        <source>the calibrate split is empty</source>
        <translation>校准部分为空</translation>
    </message>
    <message>
        <source>a sample has shape {got}, the model&apos;s input {name} wants {wanted}</source>
        <translation>样本的形状是 {got}，而模型的输入 {name} 要求 {wanted}</translation>
    </message>
    <message>
        <source>Set --resize and --crop, or --input-shape.</source>
        <translation>请设置 --resize 和 --crop，或 --input-shape。</translation>
    </message>
    <message>
        <source>running the float model</source>
        <translation>正在运行浮点模型</translation>
    </message>
    <message>
        <source>cannot be equalized with {other}</source>
        <translation>无法与 {other} 均衡</translation>
    </message>
    <message>
        <source>Take the remedy out of the plan.</source>
        <translation>请从方案中去掉该修正。</translation>
    </message>
    <message>
        <source>lowering to {target}</source>
        <translation>正在转换为 {target}</translation>
    </message>
    <message>
        <source>comparing kernels with the simulation</source>
        <translation>正在比较核与模拟</translation>
    </message>
    <message>
        <source>running the integer model</source>
        <translation>正在运行整数模型</translation>
    </message>
    <message>
        <source>measuring latency</source>
        <translation>正在测量延迟</translation>
    </message>
    <message>
        <source>is a state_dict: layers, and not how they are connected, so it cannot be run</source>
        <translation>是 state_dict：只有各层，没有层间连接，因此无法运行</translation>
    </message>
    <message>
        <source>Give the model that it belongs to; inspect and compare show what is in it.</source>
        <translation>请给出它所属的模型；inspect 和 compare 可显示其内容。</translation>
    </message>
    <message>
        <source>reading the layers</source>
        <translation>正在读取各层</translation>
    </message>
    <message>
        <source>finding the layers</source>
        <translation>正在查找各层</translation>
    </message>
    <message>
        <source>It is not a file that torch.export wrote.</source>
        <translation>它不是 torch.export 写出的文件。</translation>
    </message>
    <message>
        <source>{text!r} is no name</source>
        <translation>{text!r} 不是名称</translation>
    </message>
    <message>
        <source>the operator {target!r} is not torch&apos;s own</source>
        <translation>算子 {target!r} 不是 torch 自带的</translation>
    </message>
    <message>
        <source>Export it without.</source>
        <translation>请导出时去掉它。</translation>
    </message>
    <message>
        <source>torch {version} has no operator {target!r}</source>
        <translation>torch {version} 没有算子 {target!r}</translation>
    </message>
    <message>
        <source>Export it with this torch.</source>
        <translation>请用此版本的 torch 导出。</translation>
    </message>
    <message>
        <source>is not a whole .pt2 file ({error}: {said})</source>
        <translation>不是完整的 .pt2 文件（{error}：{said}）</translation>
    </message>
    <message>
        <source>Export it anew.</source>
        <translation>请重新导出。</translation>
    </message>
    <message>
        <source>torch {version} cannot read it ({line})</source>
        <translation>torch {version} 无法读取它（{line}）</translation>
    </message>
    <message>
        <source>unpacks to far more than its size</source>
        <translation>解压后远远大于其大小</translation>
    </message>
    <message>
        <source>holds a path that leaves its folder</source>
        <translation>含有超出其文件夹的路径</translation>
    </message>
    <message>
        <source>holds an entry twice, or more than one folder</source>
        <translation>有重复的条目，或不止一个文件夹</translation>
    </message>
    <message>
        <source>has no models/*.json (an older format, or another kind of file)</source>
        <translation>没有 models/*.json（格式较旧，或是其他文件）</translation>
    </message>
    <message>
        <source>holds more than one model</source>
        <translation>含有不止一个模型</translation>
    </message>
    <message>
        <source>Export one model to a file.</source>
        <translation>请每个文件导出一个模型。</translation>
    </message>
    <message>
        <source>{name} is pickled, and loading it would run its code</source>
        <translation>{name} 是 pickle，载入它会运行其中的代码</translation>
    </message>
    <message>
        <source>{name} claims the shape {shape}, which its {stored} bytes cannot hold</source>
        <translation>{name} 声称形状为 {shape}，而它的 {stored} 字节容纳不下</translation>
    </message>
    <message>
        <source>the operator {target!r} may touch files</source>
        <translation>算子 {target!r} 可能访问文件</translation>
    </message>
    <message>
        <source>holds a custom object, which loading would execute</source>
        <translation>含有载入时会被执行的自定义对象</translation>
    </message>
    <message>
        <source>holds compiled code, which is not opened</source>
        <translation>含有已编译的代码，不会打开</translation>
    </message>
    <message>
        <source>Export the float program.</source>
        <translation>请导出浮点程序。</translation>
    </message>
    <message>
        <source>holds pickled weights of an older format</source>
        <translation>含有旧格式的 pickle 权重</translation>
    </message>
    <message>
        <source>{entry} is absurdly large</source>
        <translation>{entry} 大得离谱</translation>
    </message>
    <message>
        <source>its inputs hold an enumeration</source>
        <translation>它的输入含有枚举</translation>
    </message>
    <message>
        <source>Export it with plain containers.</source>
        <translation>请用普通容器导出。</translation>
    </message>
    <message>
        <source>the shape expression {expression!r} is not arithmetic</source>
        <translation>形状表达式 {expression!r} 不是算术式</translation>
    </message>
    <message>
        <source>holds a custom object or a nested graph</source>
        <translation>含有自定义对象或嵌套的图</translation>
    </message>
    <message>
        <source>cannot be read as plain tensors ({line})</source>
        <translation>无法作为普通张量读取（{line}）</translation>
    </message>
    <message>
        <source>is not a state_dict</source>
        <translation>不是 state_dict</translation>
    </message>
    <message>
        <source>the scales of {layer} do not suit its weight of shape {shape}</source>
        <translation>{layer} 的缩放系数与其形状为 {shape} 的权重不符</translation>
    </message>
    <message>
        <source>{name} of transformers {version}, in float32.</source>
        <translation>transformers {version} 的 {name}，以 float32 计算。</translation>
    </message>
    <message>
        <source>names the architecture {name!r}</source>
        <translation>指定的架构是 {name!r}</translation>
    </message>
    <message>
        <source>transformers must know it.</source>
        <translation>transformers 必须认识它。</translation>
    </message>
    <message>
        <source>has no weights for {missing}</source>
        <translation>没有 {missing} 的权重</translation>
    </message>
    <message>
        <source>Give a folder with all weights.</source>
        <translation>请给出含有全部权重的文件夹。</translation>
    </message>
    <message>
        <source>is not a configuration</source>
        <translation>不是配置文件</translation>
    </message>
    <message>
        <source>Give a folder that save_pretrained wrote.</source>
        <translation>请给出由 save_pretrained 写出的文件夹。</translation>
    </message>
    <message>
        <source>wants Python code of its own to run</source>
        <translation>需要运行它自己的 Python 代码</translation>
    </message>
    <message>
        <source>Give the model as file.py:callable instead.</source>
        <translation>请改用 file.py:callable 给出模型。</translation>
    </message>
    <message>
        <source>is quantized already, in a way that is not read</source>
        <translation>已经以无法读取的方式量化</translation>
    </message>
    <message>
        <source>Give the float model.</source>
        <translation>请给出浮点模型。</translation>
    </message>
    <message>
        <source>needs the package transformers</source>
        <translation>需要 transformers 包</translation>
    </message>
    <message>
        <source>pip install transformers.</source>
        <translation>pip install transformers。</translation>
    </message>
    <message>
        <source>{name} cannot be made of it ({line})</source>
        <translation>无法由它构造 {name}（{line}）</translation>
    </message>
    <message>
        <source>Are the files whole?</source>
        <translation>文件完整吗？</translation>
    </message>
    <message>
        <source>cannot be read ({error})</source>
        <translation>无法读取（{error}）</translation>
    </message>
    <message>
        <source>Is the file whole?</source>
        <translation>文件完整吗？</translation>
    </message>
    <message>
        <source>inductor&apos;s kernel for weights alone in int8 takes bfloat16 values; with float32 it is slower than a float layer</source>
        <translation>inductor 仅权重 int8 的核接受 bfloat16 值；用 float32 时比浮点层还慢</translation>
    </message>
    <message>
        <source>inductor has no integer kernel for {op} with a range at run time</source>
        <translation>inductor 没有范围在运行时确定的 {op} 整数核</translation>
    </message>
    <message>
        <source>torch chooses affine ranges at run time</source>
        <translation>torch 在运行时选择仿射范围</translation>
    </message>
    <message>
        <source>inductor&apos;s integer kernels take weights per tensor or per channel</source>
        <translation>inductor 的整数核接受逐张量或逐通道的权重</translation>
    </message>
    <message>
        <source>there is no output {word}</source>
        <translation>没有输出 {word}</translation>
    </message>
    <message>
        <source>top-1 {metric:.1%} with the {classes} classes of output {output}, before anything is quantized</source>
        <translation>量化之前，输出 {output} 的 {classes} 个类别的 top-1 为 {metric:.1%}</translation>
    </message>
    <message>
        <source>Check that these are the classes (--output), and the preprocessing.</source>
        <translation>请检查这是否就是类别输出（--output），以及预处理。</translation>
    </message>
    <message>
        <source>{target}, threads: {threads}, batch: {batch}, medians</source>
        <translation>{target}，线程 {threads}，批 {batch}，中位数</translation>
    </message>
    <message>
        <source>{layers}: the error of the activations is small beside that of the weights; at least {share:.0%} of it is a shift that is the same for every sample</source>
        <translation>{layers}：与权重的误差相比，其激活的误差很小；其中至少 {share:.0%} 是对每个样本都相同的偏移</translation>
    </message>
    <message>
        <source>Calibrate on data that reaches this part of the model, or fix its range by hand; until then keep them in float.</source>
        <translation>用能触及模型这一部分的数据校准，或手动固定其范围；在此之前让它们保持浮点。</translation>
    </message>
    <message>
        <source>{share:.1%} of all channels held one value for all {samples} calibration samples: {layers}</source>
        <translation>在全部 {samples} 个校准样本上，{share:.1%} 的通道只有一个值：{layers}</translation>
    </message>
    <message>
        <source>State {states} fed back for {steps} steps, simulated beside float: outputs {first} dB at the first step, {last} dB at the last ones ({fresh} dB with the float model&apos;s state), the state {state} dB.</source>
        <translation>状态 {states} 反馈 {steps} 步，模拟与浮点并行：第一步输出 {first} dB，最后几步 {last} dB（用浮点模型的状态时为 {fresh} dB），状态 {state} dB。</translation>
    </message>
    <message>
        <source>Errors add up in the state: {states}</source>
        <translation>误差在状态中累积：{states}</translation>
    </message>
    <message>
        <source>fed back for {steps} steps the outputs end at {last:.1f} dB; with the float model&apos;s state at every step they have {fresh:.1f} dB</source>
        <translation>反馈 {steps} 步后输出为 {last:.1f} dB；若每步都用浮点模型的状态则为 {fresh:.1f} dB</translation>
    </message>
    <message>
        <source>All samples bring the same state: {states}</source>
        <translation>所有样本带来的状态都相同：{states}</translation>
    </message>
    <message>
        <source>ranges, errors and estimates are those of a first step</source>
        <translation>范围、误差和估计值都只属于第一步</translation>
    </message>
    <message>
        <source>Give samples of later steps: as its state what the float model handed on before.</source>
        <translation>请提供后续步骤的样本：其状态为浮点模型此前输出的状态。</translation>
    </message>
    <message>
        <source>Keep the layers that make and read the state in float, or give them more bits.</source>
        <translation>让产生和读取状态的层保持浮点，或给它们更多位。</translation>
    </message>
    <message>
        <source>Those that make and read the state are float already: keep more layers in front of it in float.</source>
        <translation>产生和读取状态的层已是浮点：请让它前面的更多层保持浮点。</translation>
    </message>
    <message>
        <source>{count} of {all} layers that round cause {share:.0%} of the error (estimated)</source>
        <translation>{all} 个做舍入的层中有 {count} 个造成了 {share:.0%} 的误差（估计）</translation>
    </message>
    <message>
        <source>Calibrate on more samples.</source>
        <translation>用更多样本校准。</translation>
    </message>
    <message>
        <source>Take the range that {times} times as many samples are expected to have</source>
        <translation>采用 {times} 倍样本预计会有的范围</translation>
    </message>
    <message>
        <source>{ways}; or calibrate on more samples.</source>
        <translation>{ways}；或用更多样本校准。</translation>
    </message>
    <message>
        <source>{tensors} cut off on samples that were not calibrated on</source>
        <translation>{tensors}在未用于校准的样本上被截断</translation>
    </message>
    <message>
        <source>Take the whole range that calibration saw</source>
        <translation>采用校准所见的整个范围</translation>
    </message>
    <message>
        <source>sample</source>
        <translation>样本</translation>
    </message>
    <message>
        <source>its table has {rows} rows, and it is given indices from {least} to {most}</source>
        <translation>其表有 {rows} 行，而给它的索引为 {least} 到 {most}</translation>
    </message>
    <message>
        <source>Give indices from 0 to {last}; they may be another tokenizer&apos;s.</source>
        <translation>请给出 0 到 {last} 的索引；它们可能来自另一个分词器。</translation>
    </message>
    <message>
        <source>the float model raises {kind} ({said})</source>
        <translation>浮点模型抛出 {kind}（{said}）</translation>
    </message>
    <message>
        <source>{what} for {sample}</source>
        <translation>{what}，样本为 {sample}</translation>
    </message>
    <message>
        <source>Does the model take such inputs? They are {shapes} here.</source>
        <translation>模型接受这样的输入吗？这里的输入为 {shapes}。</translation>
    </message>
    <message>
        <source>{sample} holds {index} in {input}, but {layer} has {rows} rows</source>
        <translation>{sample} 的 {input} 中有 {index}，而 {layer} 只有 {rows} 行</translation>
    </message>
    <message>
        <source>code of the model, the data or the metric</source>
        <translation>模型、数据或指标的代码</translation>
    </message>
    <message>
        <source>Take that call out of it.</source>
        <translation>请从代码中去掉该调用。</translation>
    </message>
    <message>
        <source>the system refused it ({reason})</source>
        <translation>系统拒绝了该操作（{reason}）</translation>
    </message>
    <message>
        <source>Check the path, its permissions and the room on the disk.</source>
        <translation>请检查路径、其权限以及磁盘空间。</translation>
    </message>
    <message>
        <source>is there already, and is no file</source>
        <translation>已存在，且不是文件</translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation>请换一个名称。</translation>
    </message>
    <message>
        <source>disk</source>
        <translation>磁盘</translation>
    </message>
    <message>
        <source>is no file</source>
        <translation>不是文件</translation>
    </message>
    <message>
        <source>reading the model</source>
        <translation>正在读取模型</translation>
    </message>
    <message>
        <source>tracing</source>
        <translation>正在追踪</translation>
    </message>
    <message>
        <source>takes no tensor, or computes nothing</source>
        <translation>不接受张量，或不做任何计算</translation>
    </message>
    <message>
        <source>Give a model with inputs and layers.</source>
        <translation>请给出有输入和层的模型。</translation>
    </message>
    <message>
        <source>The batch size is fixed by the model: samples run in batches of that size.</source>
        <translation>批大小由模型固定：样本按该大小成批运行。</translation>
    </message>
    <message>
        <source>a model file brings its own weights</source>
        <translation>模型文件自带权重</translation>
    </message>
    <message>
        <source>Leave --weights out.</source>
        <translation>请去掉 --weights。</translation>
    </message>
    <message>
        <source>following its operators</source>
        <translation>正在逐个处理算子</translation>
    </message>
    <message>
        <source>its quantizers cannot be read ({error}: {said})</source>
        <translation>无法读取它的量化器（{error}：{said}）</translation>
    </message>
    <message>
        <source>its operators cannot be brought into layers ({error}: {said})</source>
        <translation>无法把它的算子归为层（{error}：{said}）</translation>
    </message>
    <message>
        <source>Export a smaller part of it; this is a gap in qinspect.</source>
        <translation>请导出其中较小的部分；这是 qinspect 的不足。</translation>
    </message>
    <message>
        <source>the tensor {key} holds {bad} NaN or infinite values</source>
        <translation>张量 {key} 含有 {bad} 个 NaN 或无穷大</translation>
    </message>
    <message>
        <source>Give a checkpoint that was saved before training diverged.</source>
        <translation>请给出训练发散之前保存的检查点。</translation>
    </message>
    <message>
        <source>is Python code, which was not allowed to run</source>
        <translation>是 Python 代码，未被允许运行</translation>
    </message>
    <message>
        <source>Allow it first.</source>
        <translation>请先允许。</translation>
    </message>
    <message>
        <source>Give the weights that belong to this model.</source>
        <translation>请给出属于该模型的权重。</translation>
    </message>
    <message>
        <source>is not callable</source>
        <translation>不可调用</translation>
    </message>
    <message>
        <source>Name a function or class that returns an nn.Module.</source>
        <translation>请指明返回 nn.Module 的函数或类。</translation>
    </message>
    <message>
        <source>returned {made}</source>
        <translation>返回了 {made}</translation>
    </message>
    <message>
        <source>It must return an nn.Module.</source>
        <translation>它必须返回 nn.Module。</translation>
    </message>
    <message>
        <source>has no {keys}</source>
        <translation>没有 {keys}</translation>
    </message>
    <message>
        <source>has, but the model does not, {keys}</source>
        <translation>含有而模型没有 {keys}</translation>
    </message>
    <message>
        <source>{key} has shape {shape}, the model wants {wanted}</source>
        <translation>{key} 的形状是 {shape}，而模型要求 {wanted}</translation>
    </message>
    <message>
        <source>holds numpy arrays, and no checkpoint</source>
        <translation>其中是 numpy 数组，不是检查点</translation>
    </message>
    <message>
        <source>Give --weights .safetensors, .pt or .pth; arrays are given with --data.</source>
        <translation>--weights 请给 .safetensors、.pt 或 .pth；数组用 --data 给出。</translation>
    </message>
    <message>
        <source>Save model.state_dict().</source>
        <translation>请保存 model.state_dict()。</translation>
    </message>
    <message>
        <source>cannot be imported</source>
        <translation>无法导入</translation>
    </message>
    <message>
        <source>Give a Python file.</source>
        <translation>请给出 Python 文件。</translation>
    </message>
    <message>
        <source>there is no {name!r} in it</source>
        <translation>其中没有 {name!r}</translation>
    </message>
    <message>
        <source>Check the name after the colon.</source>
        <translation>请检查冒号后的名称。</translation>
    </message>
    <message>
        <source>holds more than tensors, and loading it would run its code</source>
        <translation>不仅含有张量，载入它会运行其中的代码</translation>
    </message>
    <message>
        <source>Save its state_dict() instead.</source>
        <translation>请改为保存它的 state_dict()。</translation>
    </message>
    <message>
        <source>cannot be read as a checkpoint ({line})</source>
        <translation>无法作为检查点读取（{line}）</translation>
    </message>
    <message>
        <source>importing it raises {error}: {said}</source>
        <translation>导入时引发 {error}：{said}</translation>
    </message>
    <message>
        <source>Mend the file.</source>
        <translation>请修正该文件。</translation>
    </message>
    <message>
        <source>Is the package installed here?</source>
        <translation>这里安装了该包吗？</translation>
    </message>
    <message>
        <source>Install it beside qinspect, in the same environment.</source>
        <translation>请把它安装到 qinspect 所在的同一环境。</translation>
    </message>
    <message>
        <source>1 channel of 1 layer never changes</source>
        <translation>1 层中的 1 个通道从不变化</translation>
    </message>
    <message>
        <source>{channels} of {layers} never change</source>
        <translation>{layers}中的 {channels}从不变化</translation>
    </message>
    <message>
        <source>It must work without arguments.</source>
        <translation>它必须不带参数就能运行。</translation>
    </message>
    <message>
        <source>names {strange!r}, which is no file of this folder</source>
        <translation>指定了 {strange!r}，而该文件夹中没有这个文件</translation>
    </message>
    <message>
        <source>Give the right files.</source>
        <translation>请给出正确的文件。</translation>
    </message>
    <message>
        <source>holds no model.safetensors</source>
        <translation>没有 model.safetensors</translation>
    </message>
    <message>
        <source>Save it anew with save_pretrained.</source>
        <translation>请用 save_pretrained 重新保存。</translation>
    </message>
    <message>
        <source>is not an index of weights</source>
        <translation>不是权重的索引</translation>
    </message>
    <message>
        <source>Export the model without it.</source>
        <translation>请导出不含它的模型。</translation>
    </message>
    <message>
        <source>{kind} {what}</source>
        <translation>{kind} {what}</translation>
    </message>
    <message>
        <source>Cast</source>
        <translation>Cast</translation>
    </message>
    <message>
        <source>makes {dtype}</source>
        <translation>产生 {dtype}</translation>
    </message>
    <message>
        <source>lacks its input {index}</source>
        <translation>缺少第 {index} 个输入</translation>
    </message>
    <message>
        <source>takes {sizes} that are computed from the data</source>
        <translation>需要由数据计算的 {sizes}</translation>
    </message>
    <message>
        <source>has the unknown type {number}</source>
        <translation>类型 {number} 未知</translation>
    </message>
    <message>
        <source>Export the model with fixed sizes.</source>
        <translation>请以固定尺寸导出模型。</translation>
    </message>
    <message>
        <source>sizes</source>
        <translation>尺寸</translation>
    </message>
    <message>
        <source>holds no ONNX graph</source>
        <translation>不含 ONNX 图</translation>
    </message>
    <message>
        <source>Give a model that was saved by onnx.save or torch.onnx.export.</source>
        <translation>请给出由 onnx.save 或 torch.onnx.export 保存的模型。</translation>
    </message>
    <message>
        <source>is larger than 2 GB</source>
        <translation>大于 2 GB</translation>
    </message>
    <message>
        <source>Keep its weights in an external data file beside it.</source>
        <translation>请把权重放在旁边的外部数据文件中。</translation>
    </message>
    <message>
        <source>Check the path and its permissions.</source>
        <translation>请检查路径及其权限。</translation>
    </message>
    <message>
        <source>is not a whole ONNX file ({error})</source>
        <translation>不是完整的 ONNX 文件（{error}）</translation>
    </message>
    <message>
        <source>nests functions too deeply</source>
        <translation>函数嵌套过深</translation>
    </message>
    <message>
        <source>holds sparse tensors</source>
        <translation>含有稀疏张量</translation>
    </message>
    <message>
        <source>Store them as dense ones.</source>
        <translation>请存为稠密张量。</translation>
    </message>
    <message>
        <source>does not say the type of its input {untyped}</source>
        <translation>没有说明输入 {untyped} 的类型</translation>
    </message>
    <message>
        <source>has opset {opset}, older than {oldest_opset}</source>
        <translation>opset 为 {opset}，低于 {oldest_opset}</translation>
    </message>
    <message>
        <source>Bring it to a newer one with onnx.version_converter.</source>
        <translation>请用 onnx.version_converter 升级。</translation>
    </message>
    <message>
        <source>has opset {opset}, newer than onnx {version} knows</source>
        <translation>opset 为 {opset}，比 onnx {version} 所知的更新</translation>
    </message>
    <message>
        <source>Install a newer onnx.</source>
        <translation>请安装更新的 onnx。</translation>
    </message>
    <message>
        <source>the tensor {tensor} claims the shape {shape}</source>
        <translation>张量 {tensor} 声称形状为 {shape}</translation>
    </message>
    <message>
        <source>the tensor {tensor} holds text or a segment</source>
        <translation>张量 {tensor} 含有文本或分段</translation>
    </message>
    <message>
        <source>Leave that part out.</source>
        <translation>请去掉那一部分。</translation>
    </message>
    <message>
        <source>the tensor {tensor} claims the shape {shape}, which its data cannot hold</source>
        <translation>张量 {tensor} 声称形状为 {shape}，而它的数据容纳不下</translation>
    </message>
    <message>
        <source>the tensor {tensor} lies in {location!r}, outside of the model&apos;s folder</source>
        <translation>张量 {tensor} 位于模型文件夹之外的 {location!r}</translation>
    </message>
    <message>
        <source>Put the data file beside the model.</source>
        <translation>请把数据文件放在模型旁边。</translation>
    </message>
    <message>
        <source>its data file {location!r} is missing</source>
        <translation>缺少它的数据文件 {location!r}</translation>
    </message>
    <message>
        <source>Put it beside the model, under the name that the model has for it.</source>
        <translation>请以模型中的名称放在模型旁边。</translation>
    </message>
    <message>
        <source>the tensor {tensor} of shape {shape} is not in {location!r} whole</source>
        <translation>形状为 {shape} 的张量 {tensor} 在 {location!r} 中不完整</translation>
    </message>
    <message>
        <source>Copy the model with its data file anew.</source>
        <translation>请重新复制模型及其数据文件。</translation>
    </message>
    <message>
        <source>{item} is no tensor ({name})</source>
        <translation>{item} 不是张量（{name}）</translation>
    </message>
    <message>
        <source>Export the part that works on tensors.</source>
        <translation>请导出处理张量的那一部分。</translation>
    </message>
    <message>
        <source>{item} is text</source>
        <translation>{item} 是文本</translation>
    </message>
    <message>
        <source>{kind} has no output, or names that are no text</source>
        <translation>{kind} 没有输出，或名称不是文本</translation>
    </message>
    <message>
        <source>the tensor {tensor} cannot be read ({error})</source>
        <translation>张量 {tensor} 无法读取（{error}）</translation>
    </message>
    <message>
        <source>the tensor {tensor} is not described ({error})</source>
        <translation>张量 {tensor} 没有描述（{error}）</translation>
    </message>
    <message>
        <source>unfolds to more than {max_nodes:,} operators</source>
        <translation>展开后超过 {max_nodes:,} 个算子</translation>
    </message>
    <message>
        <source>Export a smaller part.</source>
        <translation>请导出较小的部分。</translation>
    </message>
    <message>
        <source>the function {op_type} calls itself</source>
        <translation>函数 {op_type} 调用自身</translation>
    </message>
    <message>
        <source>gathers within batches</source>
        <translation>在批内收集</translation>
    </message>
    <message>
        <source>smooths, or keeps the aspect ratio</source>
        <translation>做平滑，或保持宽高比</translation>
    </message>
    <message>
        <source>interpolates by {mode} with {place}</source>
        <translation>以 {mode} 和 {place} 插值</translation>
    </message>
    <message>
        <source>Export it with half_pixel or align_corners.</source>
        <translation>请以 half_pixel 或 align_corners 导出。</translation>
    </message>
    <message>
        <source>has another cubic coefficient than -0.75</source>
        <translation>三次插值系数不是 -0.75</translation>
    </message>
    <message>
        <source>has neither sizes nor scales</source>
        <translation>既没有尺寸也没有比例</translation>
    </message>
    <message>
        <source>resizes the batch or the channels</source>
        <translation>改变批或通道的尺寸</translation>
    </message>
    <message>
        <source>is in training mode</source>
        <translation>处于训练模式</translation>
    </message>
    <message>
        <source>Export the model in eval mode.</source>
        <translation>请在 eval 模式下导出模型。</translation>
    </message>
    <message>
        <source>picks neighbours by {place} and {rounding}</source>
        <translation>以 {place} 和 {rounding} 取最近邻</translation>
    </message>
    <message>
        <source>Export it with nearest_mode floor.</source>
        <translation>请以 nearest_mode floor 导出。</translation>
    </message>
    <message>
        <source>gives {given}, the model takes {taken}: {inputs}</source>
        <translation>给出 {given}，而模型接受 {taken} 个：{inputs}</translation>
    </message>
    <message>
        <source>any number of axes</source>
        <translation>任意个轴</translation>
    </message>
    <message>
        <source>{count} axes</source>
        <translation>{count} 个轴</translation>
    </message>
    <message>
        <source>Give one for each input, joined by ;, and nothing for a number.</source>
        <translation>请为每个输入给出一个，用 ; 连接；单个数则留空。</translation>
    </message>
    <message>
        <source>axis</source>
        <translation>轴</translation>
    </message>
    <message>
        <source>shape</source>
        <translation>形状</translation>
    </message>
    <message>
        <source>has {count} paddings for {spatial} axes</source>
        <translation>有 {count} 个填充，却有 {spatial} 个轴</translation>
    </message>
    <message>
        <source>has a weight of {dim} axes</source>
        <translation>权重有 {dim} 个轴</translation>
    </message>
    <message>
        <source>pools over other than 1 to 3 axes</source>
        <translation>池化的轴数不是 1 到 3</translation>
    </message>
    <message>
        <source>is dilated, or pools over other than 1 to 3 axes</source>
        <translation>带空洞，或池化的轴数不是 1 到 3</translation>
    </message>
    <message>
        <source>runs backwards or leaves out the element itself</source>
        <translation>反向运行，或排除元素自身</translation>
    </message>
    <message>
        <source>what is added is read by {reader} as well, and the kernel writes over it</source>
        <translation>被加的值之后还会被 {reader} 读取，而该核会覆盖它</translation>
    </message>
    <message>
        <source>{no_kernel}: {reason}</source>
        <translation>{no_kernel}：{reason}</translation>
    </message>
    <message>
        <source>it stays float, and so does what reads it</source>
        <translation>它保持浮点，读取它的层也是</translation>
    </message>
    <message>
        <source>what is added is also an output of the model, and the kernel writes over it</source>
        <translation>被加的值也是模型的输出，而该核会覆盖它</translation>
    </message>
    <message>
        <source>torch has no integer kernel for {one} and {other} together</source>
        <translation>torch 没有把 {one} 和 {other} 合在一起的整数核</translation>
    </message>
    <message>
        <source>only FX with engine onednn has a kernel for {one} and {other} together</source>
        <translation>只有使用 onednn 引擎的 FX 有把 {one} 和 {other} 合在一起的核</translation>
    </message>
    <message>
        <source>the kernel takes inputs with a batch axis</source>
        <translation>该核只接受带批轴的输入</translation>
    </message>
    <message>
        <source>torch has no dynamic kernel for {op}</source>
        <translation>torch 没有 {op} 的动态核</translation>
    </message>
    <message>
        <source>torch&apos;s dynamic kernel is lowered for whole sequences only, not for packed ones</source>
        <translation>torch 的动态核只能用于完整序列，不能用于打包的序列</translation>
    </message>
    <message>
        <source>torch&apos;s dynamic LSTM has no projections</source>
        <translation>torch 的动态 LSTM 不支持投影</translation>
    </message>
    <message>
        <source>its weights are computed at run time</source>
        <translation>它的权重在运行时计算</translation>
    </message>
    <message>
        <source>torch&apos;s dynamic cells take inputs of 7 bits</source>
        <translation>torch 的动态循环单元只接受 7 位输入</translation>
    </message>
    <message>
        <source>torch has no kernel for {op} with its weight alone in integers</source>
        <translation>torch 没有只把 {op} 的权重存为整数的核</translation>
    </message>
    <message>
        <source>torch&apos;s weight-only kernel takes symmetric int8 weights per channel, not {weight}</source>
        <translation>torch 的仅权重核只接受逐通道对称的 int8 权重，而不是 {weight}</translation>
    </message>
    <message>
        <source>memory ran out</source>
        <translation>内存已用尽</translation>
    </message>
    <message>
        <source>Close other programs, or use smaller inputs.</source>
        <translation>请关闭其他程序，或使用更小的输入。</translation>
    </message>
    <message>
        <source>estimated: its float time times the median ratio of {count} {op} timed with {kernel}</source>
        <translation>估计：其浮点时间乘以 {count} 个以 {kernel} 计时的 {op} 的中位比值</translation>
    </message>
    <message>
        <source>computed in float from rounded numbers, which was not timed</source>
        <translation>以浮点计算舍入后的数，未计时</translation>
    </message>
    <message>
        <source>no run on {target} with these threads and batch was timed</source>
        <translation>没有在 {target} 上以这些线程数和批量计时的运行</translation>
    </message>
    <message>
        <source>this layer was not timed in float</source>
        <translation>该层没有浮点计时</translation>
    </message>
    <message>
        <source>no {op} was timed with {kernel}</source>
        <translation>没有以 {kernel} 计时的 {op}</translation>
    </message>
    <message>
        <source>measured on this layer, {kernel}</source>
        <translation>在该层上测得，{kernel}</translation>
    </message>
    <message>
        <source>the runtime computes it within {other}</source>
        <translation>运行时将其并入 {other} 计算</translation>
    </message>
    <message>
        <source>an export to {to}</source>
        <translation>导出为 {to}</translation>
    </message>
    <message>
        <source>it scales or repeats what is added</source>
        <translation>它对被加的值进行缩放或重复</translation>
    </message>
    <message>
        <source>what is added is also the input of {unit}, and the kernel writes over it</source>
        <translation>被加的值也是 {unit} 的输入，而该核会覆盖它</translation>
    </message>
    <message>
        <source>the output</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>memory ran out while the float model ran</source>
        <translation>运行浮点模型时内存已用尽</translation>
    </message>
    <message>
        <source>Close other programs, or open the model with a smaller --input-shape.</source>
        <translation>请关闭其他程序，或用更小的 --input-shape 打开模型。</translation>
    </message>
    <message>
        <source>takes the last of equal values</source>
        <translation>在相等的值中取最后一个</translation>
    </message>
    <message>
        <source>{kind} has a scale that is computed at run time</source>
        <translation>{kind} 的缩放系数在运行时计算</translation>
    </message>
    <message>
        <source>its {bits}-bit weight is not as K and N say</source>
        <translation>它的 {bits} 位权重与 K 和 N 不符</translation>
    </message>
    <message>
        <source>Export it with static quantization.</source>
        <translation>请以静态量化导出。</translation>
    </message>
    <message>
        <source>{kind} is laid out for one computer&apos;s runtime (channels last)</source>
        <translation>{kind} 是为某台计算机的运行时排布的（通道在后）</translation>
    </message>
    <message>
        <source>Give the file before onnxruntime optimized it.</source>
        <translation>请给出经 onnxruntime 优化之前的文件。</translation>
    </message>
    <message>
        <source>{kind} is not whole ({error})</source>
        <translation>{kind} 不完整（{error}）</translation>
    </message>
    <message>
        <source>{kind} multiplies tensors that are not a stored one and a quantized one</source>
        <translation>{kind} 相乘的不是一个存储的张量和一个量化的张量</translation>
    </message>
    <message>
        <source>{kind} has a scale or zero point that is computed at run time</source>
        <translation>{kind} 的缩放系数或零点在运行时计算</translation>
    </message>
    <message>
        <source>its scale and zero point differ in shape</source>
        <translation>它的缩放系数与零点形状不同</translation>
    </message>
    <message>
        <source>quantizes to {dtype}, which is not known</source>
        <translation>量化到未知的 {dtype}</translation>
    </message>
    <message>
        <source>{kind} reads {name!r}, whose integers are computed without a grid</source>
        <translation>{kind} 读取 {name!r}，而后者的整数没有网格</translation>
    </message>
    <message>
        <source>Export it with QuantizeLinear.</source>
        <translation>请用 QuantizeLinear 导出。</translation>
    </message>
    <message>
        <source>has activations or a clip that torch&apos;s has not</source>
        <translation>含有 torch 没有的激活或截断</translation>
    </message>
    <message>
        <source>runs backwards, batch first, with peepholes or with coupled gates</source>
        <translation>反向运行、批在前、带窥视孔或耦合门</translation>
    </message>
    <message>
        <source>resets before its product, which torch&apos;s does not</source>
        <translation>在乘积之前重置，而 torch 不是这样</translation>
    </message>
    <message>
        <source>takes sequences of several lengths</source>
        <translation>接受多种长度的序列</translation>
    </message>
    <message>
        <source>The file leaves height and width free: 224 was assumed; --input-shape sets others.</source>
        <translation>文件没有固定高和宽：这里假定为 224；可用 --input-shape 另行设置。</translation>
    </message>
    <message>
        <source>The file takes integers for {inputs}; here it takes what they stand for.</source>
        <translation>文件的 {inputs} 接受整数；在此接受它们所代表的值。</translation>
    </message>
    <message>
        <source>{count} ReLU or ReLU6, which the file leaves to the ends of a grid, are layers again here.</source>
        <translation>文件把 {count} 个 ReLU 或 ReLU6 交给网格的两端，在此重新成为层。</translation>
    </message>
    <message>
        <source>does not hold together ({error}: {said})</source>
        <translation>内容不一致（{error}：{said}）</translation>
    </message>
    <message>
        <source>Give --input-shape, such as 1,3,224,224; shapes of several inputs are joined by ;</source>
        <translation>请给出 --input-shape，例如 1,3,224,224；多个输入的形状用 ; 分隔</translation>
    </message>
    <message>
        <source>{kind} reads {missing!r}, which nothing makes</source>
        <translation>{kind} 读取 {missing!r}，而没有任何算子产生它</translation>
    </message>
    <message>
        <source>there is no way to run {kind} here</source>
        <translation>在此无法运行 {kind}</translation>
    </message>
    <message>
        <source>depends on the data</source>
        <translation>取决于数据</translation>
    </message>
    <message>
        <source>Export the model without control flow.</source>
        <translation>请导出不含控制流的模型。</translation>
    </message>
    <message>
        <source>lacks a branch</source>
        <translation>缺少一个分支</translation>
    </message>
    <message>
        <source>is of no declared rank</source>
        <translation>没有声明秩</translation>
    </message>
    <message>
        <source>has {count} axes</source>
        <translation>有 {count} 个轴</translation>
    </message>
    <message>
        <source>Give --input-shape with a size for each axis.</source>
        <translation>请用 --input-shape 给出每个轴的尺寸。</translation>
    </message>
    <message>
        <source>claims the absurd shape {shape}</source>
        <translation>声称的形状 {shape} 大得离谱</translation>
    </message>
    <message>
        <source>the size of axis {axis} ({name}) is free</source>
        <translation>轴 {axis}（{name}）的尺寸未固定</translation>
    </message>
    <message>
        <source>the size of axis {axis} is free</source>
        <translation>轴 {axis} 的尺寸未固定</translation>
    </message>
    <message>
        <source>torch cannot follow it ({said})</source>
        <translation>torch 无法处理它（{said}）</translation>
    </message>
    <message>
        <source>The file&apos;s batch is free, but some operator in it works for one sample only.</source>
        <translation>文件的批未固定，但其中有算子只能处理一个样本。</translation>
    </message>
    <message>
        <source>{kind} cannot be followed ({said})</source>
        <translation>{kind} 无法处理（{said}）</translation>
    </message>
    <message>
        <source>is an output that nothing makes</source>
        <translation>是没有任何算子产生的输出</translation>
    </message>
    <message>
        <source>says {wanted} for axis {axis} of {item}, the file {size}</source>
        <translation>给 {item} 的轴 {axis} 指定了 {wanted}，而文件中是 {size}</translation>
    </message>
    <message>
        <source>Times varied much: a tenth of the runs took {ratio:.1f} times the median or more. Measure again when nothing else is running.</source>
        <translation>时间波动很大：十分之一的运行耗时达到中位数的 {ratio:.1f} 倍或更多。请在没有其他程序运行时重新测量。</translation>
    </message>
    <message>
        <source>Choose fx-onednn, or leave the layers in float that it stops at; the export does not need inductor.</source>
        <translation>请选择 fx-onednn，或让它卡住的那些层保持浮点；导出不需要 inductor。</translation>
    </message>
    <message>
        <source>collecting statistics</source>
        <translation>正在收集统计量</translation>
    </message>
    <message>
        <source>{role}: {given} takes {low} to {high} now</source>
        <translation>{role}：{given} 现在取 {low} 到 {high}</translation>
    </message>
    <message>
        <source>{what} (that is {model})</source>
        <translation>{what}（即 {model}）</translation>
    </message>
    <message>
        <source>Leave it out, or open the model with --input-shape &quot;{shape}&quot;.</source>
        <translation>请去掉它，或以 --input-shape &quot;{shape}&quot; 打开模型。</translation>
    </message>
    <message>
        <source>The range estimator cuts off what matters of {tensors}</source>
        <translation>范围估计器截掉了{tensors}中重要的值</translation>
    </message>
    <message>
        <source>worst at {worst}: its values go from {min:.3g} to {max:.3g}, its range from {low:.3g} to {high:.3g}; the range with the least squared error has an SQNR {gain:.1f} dB higher</source>
        <translation>最严重的是 {worst}：其值从 {min:.3g} 到 {max:.3g}，其范围从 {low:.3g} 到 {high:.3g}；平方误差最小的范围使 SQNR 高出 {gain:.1f} dB</translation>
    </message>
    <message>
        <source>Take the range with the least squared error (MSE).</source>
        <translation>采用平方误差最小的范围（MSE）。</translation>
    </message>
    <message>
        <source>{layers}: the error of the activations is small beside that of the weights</source>
        <translation>{layers}：其激活的误差相对于权重的误差很小</translation>
    </message>
    <message>
        <source>{layers} in float, {borders} taken out of the integers for them: {names}</source>
        <translation>{layers}为浮点，为此有{borders}由整数转出：{names}</translation>
    </message>
    <message>
        <source>1 of {all} layers that round causes {share:.0%} of the error (estimated)</source>
        <translation>{all} 个做舍入的层中有 1 个造成了 {share:.0%} 的误差（估计）</translation>
    </message>
    <message>
        <source>Keep it in float, then look for a cheaper remedy.</source>
        <translation>让它保持浮点，再寻找代价更小的办法。</translation>
    </message>
    <message>
        <source>the plan leaves it in float</source>
        <translation>方案让它保持浮点</translation>
    </message>
    <message>
        <source>what it reads has no grid before it runs</source>
        <translation>它读取的值在运行之前没有网格</translation>
    </message>
    <message>
        <source>Calibrating and analyzing take about {run} of memory at most, beside {weights} of weights; {free} is free. {batch} samples at once.</source>
        <translation>校准与分析最多约占 {run} 内存，另有权重 {weights}；空闲 {free}。每次 {batch} 个样本。</translation>
    </message>
    <message>
        <source>Calibrating and analyzing take about {run} of memory at most, beside {weights} of weights; {batch} samples at once.</source>
        <translation>校准与分析最多约占 {run} 内存，另有权重 {weights}；每次 {batch} 个样本。</translation>
    </message>
    <message>
        <source>gives {given}, the model takes {taken}</source>
        <translation>给出 {given}，而模型接受 {taken}</translation>
    </message>
    <message>
        <source>Give samples of that shape, or the model another --input-shape.</source>
        <translation>请给出该形状的样本，或为模型指定另一个 --input-shape。</translation>
    </message>
    <message>
        <source>has a scale that is computed at run time</source>
        <translation>缩放系数在运行时计算</translation>
    </message>
    <message>
        <source>Quantize it statically.</source>
        <translation>请以静态方式量化。</translation>
    </message>
    <message>
        <source>is TorchScript, which cannot be read without running it</source>
        <translation>是 TorchScript，不运行就无法读取</translation>
    </message>
    <message>
        <source>Export the model it was made from: torch.export.save(torch.export.export(model, inputs), &apos;model.pt2&apos;).</source>
        <translation>请导出它所来自的模型：torch.export.save(torch.export.export(model, inputs), &apos;model.pt2&apos;)。</translation>
    </message>
    <message>
        <source>holds weights without the model that they belong to</source>
        <translation>只有权重，没有所属的模型</translation>
    </message>
    <message>
        <source>Give the model as file.py:callable, and this file with --weights.</source>
        <translation>请以 file.py:callable 给出模型，并用 --weights 给出此文件。</translation>
    </message>
    <message>
        <source>is a pickled object, and opening it would run its code</source>
        <translation>是 pickle 对象，打开它会运行其中的代码</translation>
    </message>
    <message>
        <source>Save model.state_dict(), and give the model as file.py:callable with --weights.</source>
        <translation>请保存 model.state_dict()，并以 file.py:callable 加 --weights 给出模型。</translation>
    </message>
    <message>
        <source>holds numpy arrays, and no model</source>
        <translation>其中是 numpy 数组，没有模型</translation>
    </message>
    <message>
        <source>Give the model as file.pt2, file.onnx or file.py:callable, and this file with --data.</source>
        <translation>请以 file.pt2、file.onnx 或 file.py:callable 给出模型，用 --data 给出此文件。</translation>
    </message>
    <message>
        <source>is a TensorFlow Lite model</source>
        <translation>是 TensorFlow Lite 模型</translation>
    </message>
    <message>
        <source>Convert it to ONNX first.</source>
        <translation>请先把它转换为 ONNX。</translation>
    </message>
    <message>
        <source>is an HDF5 file, such as Keras writes</source>
        <translation>是 HDF5 文件，例如由 Keras 写出</translation>
    </message>
    <message>
        <source>Convert the model to ONNX first.</source>
        <translation>请先把模型转换为 ONNX。</translation>
    </message>
    <message>
        <source>is Python code</source>
        <translation>是 Python 代码</translation>
    </message>
    <message>
        <source>Name the callable that returns the model: file.py:callable.</source>
        <translation>请指明返回模型的可调用对象：file.py:callable。</translation>
    </message>
    <message>
        <source>is a folder without a model</source>
        <translation>是没有模型的文件夹</translation>
    </message>
    <message>
        <source>is not a source that can be opened</source>
        <translation>不是可以打开的来源</translation>
    </message>
    <message>
        <source>Give file.pt2, file.onnx, file.py:callable or package.module:callable.</source>
        <translation>请给出 file.pt2、file.onnx、file.py:callable 或 package.module:callable。</translation>
    </message>
    <message>
        <source>holds several models: {names}</source>
        <translation>包含多个模型：{names}</translation>
    </message>
    <message>
        <source>Name one of them.</source>
        <translation>请指明其中一个。</translation>
    </message>
    <message>
        <source>{name} of timm {version}, in float32.</source>
        <translation>timm {version} 的 {name}，float32。</translation>
    </message>
    <message>
        <source>Did you mean {names}?</source>
        <translation>您是指 {names} 吗？</translation>
    </message>
    <message>
        <source>timm.list_models() has all.</source>
        <translation>全部名称见 timm.list_models()。</translation>
    </message>
    <message>
        <source>timm knows no such model</source>
        <translation>timm 中没有这个模型</translation>
    </message>
    <message>
        <source>The weights are random: --weights names a checkpoint; nothing is fetched.</source>
        <translation>权重是随机的：用 --weights 指定检查点；不会下载任何内容。</translation>
    </message>
    <message>
        <source>timm cannot be imported ({line})</source>
        <translation>无法导入 timm（{line}）</translation>
    </message>
    <message>
        <source>It needs a torchvision that suits this torch; else give the model as file.py:callable.</source>
        <translation>它需要与此 torch 匹配的 torchvision；否则请以 file.py:callable 给出模型。</translation>
    </message>
    <message>
        <source>needs the package timm</source>
        <translation>需要 timm 包</translation>
    </message>
    <message>
        <source>pip install qinspect[timm].</source>
        <translation>pip install qinspect[timm]。</translation>
    </message>
    <message>
        <source>the shape of its input is not known</source>
        <translation>不知道其输入的形状</translation>
    </message>
    <message>
        <source>is TorchScript, which torch.export does not trace</source>
        <translation>是 TorchScript，torch.export 不能追踪</translation>
    </message>
    <message>
        <source>Give the nn.Module that it was made of.</source>
        <translation>请给出生成它的 nn.Module。</translation>
    </message>
    <message>
        <source>Input shape {shape} was assumed; --input-shape sets another.</source>
        <translation>假定输入形状为 {shape}；可用 --input-shape 另行设置。</translation>
    </message>
    <message>
        <source>a forward pass with input {shapes} raises {error}: {said}</source>
        <translation>以输入 {shapes} 前向传播时引发 {error}：{said}</translation>
    </message>
    <message>
        <source>Give the right --input-shape.</source>
        <translation>请给出正确的 --input-shape。</translation>
    </message>
    <message>
        <source>{inner} is one float layer: it is TorchScript, which torch.export does not trace</source>
        <translation>{inner} 作为一个浮点层：它是 TorchScript，torch.export 不能追踪</translation>
    </message>
    <message>
        <source>Give --input-shape one for each tensor, joined by ;.</source>
        <translation>请用 --input-shape 为每个张量各给一个，用 ; 分隔。</translation>
    </message>
    <message>
        <source>{inner} ({kind}) is one float layer that runs its author&apos;s code: torch.export stops at {line}, {said}</source>
        <translation>{inner}（{kind}）作为一个浮点层运行作者的代码：torch.export 停在 {line}，{said}</translation>
    </message>
    <message>
        <source>is quantized by torch.ao already, which torch.export does not trace</source>
        <translation>已由 torch.ao 量化，torch.export 无法追踪</translation>
    </message>
    <message>
        <source>Give the float model that it was made of; a saved state_dict of this one opens as a table.</source>
        <translation>请给出它所源自的浮点模型；此模型保存的 state_dict 可作为表格打开。</translation>
    </message>
    <message>
        <source>torch.export cannot trace it: {said}</source>
        <translation>torch.export 无法追踪：{said}</translation>
    </message>
    <message>
        <source>Put that line into a sub-module of its own: that then stays float, and the rest is traced.</source>
        <translation>请把该行放进单独的子模块：该子模块保持浮点，其余部分照常追踪。</translation>
    </message>
    <message>
        <source>Rewrite that line without Python control flow on tensor values, or put it into a sub-module of its own: that then stays float, and the rest is traced.</source>
        <translation>请改写那一行，不要对张量的值使用 Python 控制流，或把它放进单独的子模块：该子模块保持浮点，其余部分会被追踪。</translation>
    </message>
    <message>
        <source>one sample needs about {needed:.0f} MB of memory beside the weights, and {free:.0f} MB are free</source>
        <translation>除权重外，一个样本约需 {needed:.0f} MB 内存，而空闲内存为 {free:.0f} MB</translation>
    </message>
    <message>
        <source>Use {names}, or FILE.py:CALLABLE.</source>
        <translation>请使用 {names}，或 FILE.py:CALLABLE。</translation>
    </message>
    <message>
        <source>metric {name}</source>
        <translation>指标 {name}</translation>
    </message>
    <message>
        <source>raises {kind} ({said})</source>
        <translation>抛出 {kind}（{said}）</translation>
    </message>
    <message>
        <source>It is given outputs of shape {outputs} and y of shape {y}, and returns a number.</source>
        <translation>它得到形状为 {outputs} 的输出和形状为 {y} 的 y，应返回一个数。</translation>
    </message>
    <message>
        <source>{metric} was not computed: the data have no y to compare with.</source>
        <translation>未计算 {metric}：数据中没有可供比较的 y。</translation>
    </message>
    <message>
        <source>{metric} gives {value}, which is no figure.</source>
        <translation>{metric} 的结果为 {value}，不是有效数值。</translation>
    </message>
    <message>
        <source>labels</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>they go from {min} to {max}, but the model has {classes} classes</source>
        <translation>它们从 {min} 到 {max}，而模型有 {classes} 类</translation>
    </message>
    <message>
        <source>Number the classes from 0 to {last}.</source>
        <translation>请把类别从 0 编号到 {last}。</translation>
    </message>
    <message>
        <source>metric top-5</source>
        <translation>指标 top-5</translation>
    </message>
    <message>
        <source>needs logits (samples, classes) and class indices</source>
        <translation>需要 logits（样本，类别）和类别序号</translation>
    </message>
    <message>
        <source>Choose another metric.</source>
        <translation>请选择其他指标。</translation>
    </message>
    <message>
        <source>metric mean-iou</source>
        <translation>指标 mean-iou</translation>
    </message>
    <message>
        <source>output {output} and y {y} do not fit</source>
        <translation>输出 {output} 与 y {y} 不匹配</translation>
    </message>
    <message>
        <source>Give logits (N, C, H, W) and masks (N, H, W) of class indices; negative ones are left out.</source>
        <translation>请给出 logits (N, C, H, W) 和类别序号的掩码 (N, H, W)；负值不计。</translation>
    </message>
    <message>
        <source>its classes go up to {highest}, but the model has {classes}</source>
        <translation>其类别最大为 {highest}，但模型只有 {classes} 个</translation>
    </message>
    <message>
        <source>Number the classes from 0 to {last}; positions with a negative one are left out.</source>
        <translation>类别请从 0 编号到 {last}；类别为负的位置不计入。</translation>
    </message>
    <message>
        <source>metric rmse</source>
        <translation>指标 rmse</translation>
    </message>
    <message>
        <source>metric cosine</source>
        <translation>指标 cosine</translation>
    </message>
    <message>
        <source>{source} is not known</source>
        <translation>{source} 未知</translation>
    </message>
    <message>
        <source>computing {metric} on resamples</source>
        <translation>正在重采样上计算 {metric}</translation>
    </message>
    <message>
        <source>metric pixel-accuracy</source>
        <translation>指标 pixel-accuracy</translation>
    </message>
    <message>
        <source>metric token-accuracy</source>
        <translation>指标 token-accuracy</translation>
    </message>
    <message>
        <source>Give logits (N, T, C) and class indices (N, T); negative ones are left out.</source>
        <translation>请给出 logits (N, T, C) 和类别序号 (N, T)；负的不计入。</translation>
    </message>
    <message>
        <source>{buffers}: changed by the forward pass. Here every batch begins with what is stored.</source>
        <translation>{buffers}：前向计算会改变它。这里每个批次都从存储的值开始。</translation>
    </message>
    <message>
        <source>is a constant too large to compute</source>
        <translation>是大得无法计算的常量</translation>
    </message>
    <message>
        <source>Make it an input, or a smaller one.</source>
        <translation>请把它改为输入，或改小。</translation>
    </message>
    <message>
        <source>the author&apos;s code raises {error}: {said}</source>
        <translation>作者的代码引发 {error}：{said}</translation>
    </message>
    <message>
        <source>no layer of the model has the {kind} {pattern!r}</source>
        <translation>模型中没有 {kind} 为 {pattern!r} 的层</translation>
    </message>
    <message>
        <source>Near are {near}.</source>
        <translation>相近的有 {near}。</translation>
    </message>
    <message>
        <source>qinspect inspect lists the layers.</source>
        <translation>qinspect inspect 会列出各层。</translation>
    </message>
    <message>
        <source>It is an object whose &quot;version&quot; is 1; qinspect analyze writes one.</source>
        <translation>计划是 &quot;version&quot; 为 1 的对象；qinspect analyze 会写出一个。</translation>
    </message>
    <message>
        <source>Match by one of id, path and op, such as {example}.</source>
        <translation>请用 id、path、op 之一匹配，例如 {example}。</translation>
    </message>
    <message>
        <source>Give a list.</source>
        <translation>请给出列表。</translation>
    </message>
    <message>
        <source>is {value}</source>
        <translation>为 {value}</translation>
    </message>
    <message>
        <source>Give an object, in braces.</source>
        <translation>请给出花括号中的对象。</translation>
    </message>
    <message>
        <source>unknown key {key!r}</source>
        <translation>未知的键 {key!r}</translation>
    </message>
    <message>
        <source>Known are {known}.</source>
        <translation>可用的有 {known}。</translation>
    </message>
    <message>
        <source>is no text, so no plan</source>
        <translation>不是文本，因此不是方案</translation>
    </message>
    <message>
        <source>Give its name.</source>
        <translation>请给出其名称。</translation>
    </message>
    <message>
        <source>{kind} {scheme} {per} {how}</source>
        <translation>{kind} {scheme} {per} {how}</translation>
    </message>
    <message>
        <source>{dtype} ({bits} bit)</source>
        <translation>{dtype}（{bits} 位）</translation>
    </message>
    <message>
        <source>{kind} {per} {how}</source>
        <translation>{kind} {per} {how}</translation>
    </message>
    <message>
        <source>symmetric</source>
        <translation>对称</translation>
    </message>
    <message>
        <source>affine</source>
        <translation>仿射</translation>
    </message>
    <message>
        <source>per-tensor</source>
        <translation>逐张量</translation>
    </message>
    <message>
        <source>per-channel</source>
        <translation>逐通道</translation>
    </message>
    <message>
        <source>per-group {size}</source>
        <translation>逐组 {size}</translation>
    </message>
    <message>
        <source>per-token</source>
        <translation>逐 token</translation>
    </message>
    <message>
        <source>moving average {momentum:g}</source>
        <translation>移动平均 {momentum:g}</translation>
    </message>
    <message>
        <source>ranges against samples</source>
        <translation>范围与样本数</translation>
    </message>
    <message>
        <source> ({low} to {high})</source>
        <translation>（{low} 至 {high}）</translation>
    </message>
    <message>
        <source>{number} points</source>
        <translation>{number} 个百分点</translation>
    </message>
    <message>
        <source>Mend the function, or name another.</source>
        <translation>请修正该函数，或指定另一个。</translation>
    </message>
    <message>
        <source>running {source}</source>
        <translation>正在运行 {source}</translation>
    </message>
    <message>
        <source>Run it by itself in Python: it must return, and leave the process alone.</source>
        <translation>请在 Python 中单独运行它：它必须能够返回，并且不得结束进程。</translation>
    </message>
    <message>
        <source>Open it anew.</source>
        <translation>请重新打开。</translation>
    </message>
    <message>
        <source>{samples} samples to select on cannot resolve a drop of {limit}: of a plan that loses none of them it is known to no better than {reach}</source>
        <translation>{samples} 个选择样本无法分辨 {limit} 的下降：即使方案一个样本也没丢，也只能确定到 {reach}</translation>
    </message>
    <message>
        <source>About {need} would do (--samples, --split), or a limit of {reach}.</source>
        <translation>约需 {need} 个（--samples、--split），或把限值设为 {reach}。</translation>
    </message>
    <message>
        <source>Give a limit of {reach} or more, or --max-kl.</source>
        <translation>请给出 {reach} 或更大的限值，或使用 --max-kl。</translation>
    </message>
    <message>
        <source>What a border between float and integers costs there is not in the file and counts as nothing; a bench kit that is exported now measures it.</source>
        <translation>文件中没有浮点与整数之间的边界在该设备上的代价，按零计算；现在导出的测速套件会测量它。</translation>
    </message>
    <message>
        <source>the file has times of the float model only, and a search compares both</source>
        <translation>文件只有浮点模型的时间，而搜索要比较两者</translation>
    </message>
    <message>
        <source>Times are those of {device}, {runs} runs; of a plan they are the sum over its layers and borders, an estimate: measure the chosen plan there.</source>
        <translation>时间是 {device} 上的（{runs} 次运行）；一个方案的时间是其各层与边界之和，属于估计：请在该设备上测量所选方案。</translation>
    </message>
    <message>
        <source>the file has times of the quantized model only, and a search compares both</source>
        <translation>文件只有量化模型的时间，而搜索要比较两者</translation>
    </message>
    <message>
        <source>Give bench.json of a bench kit (export --to kit), or the float model&apos;s profile with --float-profile.</source>
        <translation>请给出测速套件的 bench.json（export --to kit），或用 --float-profile 给出浮点模型的 profile。</translation>
    </message>
    <message>
        <source>verifying</source>
        <translation>正在验证</translation>
    </message>
    <message>
        <source>Use --objective size or layers, or --profile.</source>
        <translation>请用 --objective size 或 layers，或 --profile。</translation>
    </message>
    <message>
        <source>repairing</source>
        <translation>正在修补</translation>
    </message>
    <message>
        <source>nothing in it is quantized: {target} has kernels for none of what the plan asks, or it asks for nothing</source>
        <translation>其中没有任何量化：{target} 对计划所要求的都没有核，或计划没有要求量化</translation>
    </message>
    <message>
        <source>is not a statistics file</source>
        <translation>不是统计量文件</translation>
    </message>
    <message>
        <source>Give what qinspect calibrate wrote.</source>
        <translation>请给出 qinspect calibrate 写出的文件。</translation>
    </message>
    <message>
        <source>{lost} lost, most at {layers}</source>
        <translation>损失 {lost}，最多的在 {layers}</translation>
    </message>
    <message>
        <source>{measured}; most is lost at {layers}</source>
        <translation>{measured}；损失最多的是 {layers}</translation>
    </message>
    <message>
        <source>Each costs a dequantizer and a quantizer; this target keeps {layers} in float.</source>
        <translation>每个都要付出一次反量化和一次量化；此目标让 {layers} 保持浮点。</translation>
    </message>
    <message>
        <source>is a pipe, and no file</source>
        <translation>是管道，不是文件</translation>
    </message>
    <message>
        <source>Write it to a file first, and give that.</source>
        <translation>请先写入文件，再给出该文件。</translation>
    </message>
    <message>
        <source>is no checkpoint</source>
        <translation>不是检查点文件</translation>
    </message>
    <message>
        <source>Give what safetensors, or torch.save of a state_dict(), wrote.</source>
        <translation>请给出由 safetensors 或对 state_dict() 调用 torch.save 写出的文件。</translation>
    </message>
    <message>
        <source>A file is named by its path: {source}.</source>
        <translation>文件要按路径来写：{source}。</translation>
    </message>
    <message>
        <source>Give y the shape of the output.</source>
        <translation>请让 y 与输出形状一致。</translation>
    </message>
    <message>
        <source>trying other ranges</source>
        <translation>正在尝试其他范围</translation>
    </message>
    <message>
        <source>Losses are simulated; where a target&apos;s kernels compute something else than the simulation, analyze says so.</source>
        <translation>损失是模拟得出的；若某个目标的核与模拟的计算不同，analyze 会指出。</translation>
    </message>
    <message>
        <source>{targets} are not different targets</source>
        <translation>{targets} 不是不同的目标</translation>
    </message>
    <message>
        <source>Name each target once.</source>
        <translation>每个目标只写一次。</translation>
    </message>
    <message>
        <source>searching on {target}</source>
        <translation>在 {target} 上搜索</translation>
    </message>
    <message>
        <source>{why}; it is for {target}</source>
        <translation>{why}；用于 {target}</translation>
    </message>
    <message>
        <source>feeding the state back</source>
        <translation>反馈状态</translation>
    </message>
    <message>
        <source>target</source>
        <translation>目标</translation>
    </message>
    <message>
        <source>fusing layers and quantizing weights</source>
        <translation>正在融合各层并量化权重</translation>
    </message>
    <message>
        <source>comparing the fused layers with the model&apos;s own</source>
        <translation>正在比较融合后的层与模型原有的层</translation>
    </message>
    <message>
        <source>looking for the worst samples</source>
        <translation>正在查找受损最重的样本</translation>
    </message>
    <message>
        <source>holds x of shape {got}, but the model takes {wanted}</source>
        <translation>含有形状为 {got} 的 x，而模型接受 {wanted}</translation>
    </message>
    <message>
        <source>Where the model takes these too, open it with --input-shape {shape}; else reshape x.</source>
        <translation>如果模型也能接受这样的数据，请用 --input-shape {shape} 打开它；否则请改变 x 的形状。</translation>
    </message>
    <message>
        <source>returns a single number where samples are expected</source>
        <translation>返回了单个数字，而这里需要样本</translation>
    </message>
    <message>
        <source>Return tensors or arrays of shape (samples, ...), and no lists.</source>
        <translation>请返回形状为（样本数，……）的张量或数组，而不是列表。</translation>
    </message>
    <message>
        <source>{measured}; a tenth of the float runs took {time} or more, so this may be chance</source>
        <translation>{measured}；十分之一的浮点运行耗时达到或超过 {time}，因此这可能是偶然</translation>
    </message>
    <message>
        <source>Measure again when nothing else is running.</source>
        <translation>请在没有其他程序运行时重新测量。</translation>
    </message>
    <message>
        <source>build.py gives bit for bit the numbers of the simulation in plain fake quantization; each output of the model has an SQNR of at least 20 dB against the simulation; all layers that the plan asks for, and no reason speaks against, run in integers in model.onnx</source>
        <translation>build.py 与纯伪量化仿真的数值逐位相同；模型的每个输出相对仿真的 SQNR 至少为 20 dB；方案要求且没有理由反对的所有层，在 model.onnx 中都以整数运行</translation>
    </message>
    <message>
        <source>build.py gives bit for bit the numbers of the simulation in plain fake quantization; each output of the model has an SQNR of at least 20 dB against the simulation; all layers that the plan asks for, and no reason speaks against, stand between quantizers in model.pt2</source>
        <translation>build.py 与纯伪量化仿真的数值逐位相同；模型的每个输出相对仿真的 SQNR 至少为 20 dB；方案要求且没有理由反对的所有层，在 model.pt2 中都位于量化器之间</translation>
    </message>
    <message>
        <source>On this computer ONNX Runtime computes in float, between dequantizers and quantizers, {count} of the {all} layers that the file has in integers: {layers}.</source>
        <translation>文件中以整数表示的 {all} 层里，有 {count} 层在本机的 ONNX Runtime 中仍以浮点计算（夹在反量化与量化之间）：{layers}。</translation>
    </message>
    <message>
        <source>{count} samples read, of how many is not said (--samples sets a limit)</source>
        <translation>已读取 {count} 个样本，总数未知（可用 --samples 设置上限）</translation>
    </message>
    <message>
        <source>returned {count} samples ({size} MB) and does not say how many there are: it may have no end</source>
        <translation>返回了 {count} 个样本（{size} MB），且未说明总数：可能没有尽头</translation>
    </message>
    <message>
        <source>Say how many to read (--samples), or return what has a len(), such as a DataLoader.</source>
        <translation>请指定读取多少个样本（--samples），或返回具有 len() 的对象，例如 DataLoader。</translation>
    </message>
    <message>
        <source>The plan itself keeps them in float. Where that is for their accuracy, it is the price; else quantize {layers} too.</source>
        <translation>是方案本身让它们保持浮点。如果是为了精度，这就是代价；否则请把 {layers} 也量化。</translation>
    </message>
    <message>
        <source>looking at what ONNX Runtime makes of it</source>
        <translation>正在查看 ONNX Runtime 如何处理该文件</translation>
    </message>
    <message>
        <source>It was stopped before causes were looked for.</source>
        <translation>分析已停止，尚未查找原因。</translation>
    </message>
    <message>
        <source>is not written in UTF-8</source>
        <translation>不是 UTF-8 编码</translation>
    </message>
    <message>
        <source>Save it as UTF-8.</source>
        <translation>请另存为 UTF-8。</translation>
    </message>
    <message>
        <source>is JSON without a text (it has {keys})</source>
        <translation>是没有 text 的 JSON（含有 {keys}）</translation>
    </message>
    <message>
        <source>Write it as 0.485,0.456,0.406/0.229,0.224,0.225, or for pixels of 0 to 255 as (x-127)/128.</source>
        <translation>请写成 0.485,0.456,0.406/0.229,0.224,0.225；像素为 0 到 255 时写成 (x-127)/128。</translation>
    </message>
    <message>
        <source>{tensors} held NaN or infinite values during calibration</source>
        <translation>{tensors}在校准时出现 NaN 或无穷大</translation>
    </message>
    <message>
        <source>Check the preprocessing: channel order (--channels), scale and normalization (--normalize), crop (--resize, --crop).</source>
        <translation>请检查预处理：通道顺序（--channels）、缩放与归一化（--normalize）、裁剪（--resize、--crop）。</translation>
    </message>
    <message>
        <source>worst at {worst}: {share} of the values equal, the others up to {steps} apart</source>
        <translation>最严重的是 {worst}：{share} 的值相同，其余最多相差 {steps}</translation>
    </message>
    <message>
        <source>step</source>
        <translation>级</translation>
    </message>
    <message>
        <source>them</source>
        <translation>它们</translation>
    </message>
    <message>
        <source>worst at {layer}: {samples} beyond the range, which ends at {end:.3g}, as far as {reach:.3g} ({steps:.0f} steps); cutting them off is {share:.0%} of the error of rounding it there</source>
        <translation>最严重的是 {layer}：{samples}超出范围，范围止于 {end:.3g}，最远达 {reach:.3g}（{steps:.0f} 步）；截断占该处舍入误差的 {share:.0%}</translation>
    </message>
    <message>
        <source>the float model&apos;s output is NaN or infinite</source>
        <translation>浮点模型的输出为 NaN 或无穷大</translation>
    </message>
    <message>
        <source>Mend that layer, or leave such samples out.</source>
        <translation>请修正该层，或去掉这类样本。</translation>
    </message>
    <message>
        <source>{what}, and the first layer whose values are so is {layer}</source>
        <translation>{what}，最先出现这种值的层是 {layer}</translation>
    </message>
    <message>
        <source>Other programs had the processor for {share:.0f}% of the time in which times were taken. Their share is not counted, but they slow down memory as well: measure again when nothing else is running.</source>
        <translation>计时期间有 {share:.0f}% 的时间处理器被其他程序占用。这部分时间不计入，但它们也会拖慢内存：请在没有其他程序运行时重新测量。</translation>
    </message>
    <message>
        <source>output {number} is not what the simulation says (they differ by NaN or infinity, or one is all 0)</source>
        <translation>输出 {number} 与模拟结果不符（两者相差 NaN 或无穷大，或其中之一全为 0）</translation>
    </message>
    <message>
        <source>compiled here, {found} of {asked} layers with int8 weights run in oneDNN&apos;s integer kernels</source>
        <translation>在此处编译后，{asked} 个权重为 int8 的层中有 {found} 个以 oneDNN 的整数内核运行</translation>
    </message>
    <message>
        <source>ONNX&apos;s LSTM has no projections</source>
        <translation>ONNX 的 LSTM 不支持投影</translation>
    </message>
    <message>
        <source>output {name} is real numbers: the layer that makes it has no range (min-max gives it one)</source>
        <translation>输出 {name} 为实数：产生它的层没有取范围（最小-最大可给它一个范围）</translation>
    </message>
    <message>
        <source>Install g++ or clang on an x86 computer, or choose fx-onednn; the export as .pt2 does not need it.</source>
        <translation>请在 x86 计算机上安装 g++ 或 clang，或选择 fx-onednn；导出为 .pt2 并不需要它。</translation>
    </message>
    <message>
        <source>torch.export.load opens it after import torch.ao.quantization.fx._decomposed, or import torchao</source>
        <translation>先 import torch.ao.quantization.fx._decomposed 或 import torchao，再用 torch.export.load 打开</translation>
    </message>
    <message>
        <source>Of {count} outputs, number {output} is judged by metric, agreement and KL (--output names another); SQNR and MSE are of all, each beside its own power.</source>
        <translation>共 {count} 个输出，指标、一致率和 KL 评判第 {output} 个（--output 可指定其他输出）；SQNR 和 MSE 针对全部输出，各自按自身功率归一。</translation>
    </message>
    <message>
        <source>{calibrate} to calibrate on ({usual} are usual)</source>
        <translation>只有 {calibrate} 个样本用于校准（通常为 {usual} 个）</translation>
    </message>
    <message>
        <source>it holds more than tensors, or is not whole</source>
        <translation>其中不只有张量，或文件不完整</translation>
    </message>
    <message>
        <source>values {low} … {high}, mean {mean}, standard deviation {std}</source>
        <translation>取值 {low} … {high}，均值 {mean}，标准差 {std}</translation>
    </message>
    <message>
        <source>{count} of the layers that {target} runs round some values to the next step</source>
        <translation>{target} 运行的层中有 {count} 个把部分数值舍入到相邻的一级</translation>
    </message>
    <message>
        <source>Nothing need be done: it is the last bit of a number, which no range can help.</source>
        <translation>无需处理：这只是数值的最后一位，任何范围都无法改变。</translation>
    </message>
    <message>
        <source>Keep them in float and measure again: each border between float and integers costs time too.</source>
        <translation>让它们保持浮点，再测量一次：浮点与整数之间的每个边界也要花时间。</translation>
    </message>
    <message>
        <source>Keep it in float and measure again: each border between float and integers costs time too.</source>
        <translation>让它保持浮点，再测量一次：浮点与整数之间的每个边界也要花时间。</translation>
    </message>
    <message>
        <source>Where more samples say the same, they can be cut out of the model. Their weights do not matter, but per-tensor scales see them.</source>
        <translation>若更多样本也是如此，可以把它们从模型中剪除。它们的权重无关紧要，但会影响逐张量的缩放系数。</translation>
    </message>
    <message>
        <source>the kernel computes the addition behind the layer in the same call: its output, and the simulation&apos;s beside it, have what was added in them; the layer alone has not</source>
        <translation>内核在同一次调用中还计算了该层之后的加法：内核的输出和旁边的模拟输出都含有所加的值，而单独的层不含</translation>
    </message>
    <message>
        <source>Does its code keep tensors, in a list say? Else close other programs, or open the model with a smaller --input-shape.</source>
        <translation>它的代码是否保留了张量（例如放在列表里）？否则请关闭其他程序，或用更小的 --input-shape 打开模型。</translation>
    </message>
    <message>
        <source>Look for what divides by 0, overflows or takes the logarithm of 0, or leave such samples out.</source>
        <translation>请查找除以 0、溢出或对 0 取对数的地方，或去掉这类样本。</translation>
    </message>
    <message>
        <source>Does the code of {layers} keep tensors, in a list say? Else close other programs, or use smaller inputs.</source>
        <translation>{layers} 的代码是否保留了张量（例如放在列表里）？否则请关闭其他程序，或使用更小的输入。</translation>
    </message>
    <message>
        <source>after {count} batches {kept:.0f} MB more memory is taken than after two, and {free:.0f} MB are free</source>
        <translation>{count} 批之后占用的内存比两批之后多 {kept:.0f} MB，而空闲内存为 {free:.0f} MB</translation>
    </message>
    <message>
        <source>Does code of the model or of the data keep tensors, in a list say? Else close other programs, or give fewer --samples.</source>
        <translation>模型或数据的代码是否一直保留张量（例如放在列表中）？若不是，请关闭其他程序，或减小 --samples。</translation>
    </message>
    <message>
        <source>The file has grids of their own for values that share one on this target, that of {leaders}. Figures here are of the shared grid; qinspect compare runs the file as it is.</source>
        <translation>文件中这些值各有自己的网格，而在此目标上它们共用 {leaders} 的网格。此处的数字以共用的网格为准；qinspect compare 按原样运行该文件。</translation>
    </message>
    <message>
        <source>The plan wants real numbers (range: none) of {layers}: on this target whole ones are handed on there, and their range is min-max.</source>
        <translation>计划要求 {layers} 输出实数(范围:无):在此目标上该处输出的是整数,其范围采用最小-最大值。</translation>
    </message>
    <message>
        <source>{layers}: random numbers are drawn there, so that two runs differ without any quantization. Leave that out of what is deployed, or make the numbers an input.</source>
        <translation>{layers}：这里会抽取随机数，因此即使不量化，两次运行的结果也不同。请在部署的模型中去掉它，或把这些随机数作为输入。</translation>
    </message>
    <message>
        <source>What runs its layers is not known: {where} {what}</source>
        <translation>无法得知它的各层由什么运行：{where} {what}</translation>
    </message>
    <message>
        <source>the final split has {count} samples, fewer than the model&apos;s batch of {batch}</source>
        <translation>最终划分有 {count} 个样本，少于模型的批大小 {batch}</translation>
    </message>
    <message>
        <source>its output {number} is one number for all samples together, such as a loss</source>
        <translation>它的第 {number} 个输出是所有样本共有的一个数，例如损失</translation>
    </message>
    <message>
        <source>Leave that one out: what quantization does is measured sample by sample.</source>
        <translation>请去掉这个输出：量化的影响是逐个样本测量的。</translation>
    </message>
    <message>
        <source>its samples are {got}, the model&apos;s input {name} is {wanted}</source>
        <translation>其样本为 {got}，而模型的输入 {name} 为 {wanted}</translation>
    </message>
    <message>
        <source>Store them as {wanted}, or give --normalize.</source>
        <translation>请存为 {wanted}，或给出 --normalize。</translation>
    </message>
    <message>
        <source>Store them as {wanted}.</source>
        <translation>请存为 {wanted}。</translation>
    </message>
    <message>
        <source>Call it in Python first: it must return the model.</source>
        <translation>请先在 Python 中调用它：它必须返回模型。</translation>
    </message>
    <message>
        <source>calling {source} raises {error}: {said}</source>
        <translation>调用 {source} 引发 {error}：{said}</translation>
    </message>
    <message>
        <source>calling it needs more memory than there is (at once: {wanted})</source>
        <translation>调用它所需的内存超过现有内存（一次申请：{wanted}）</translation>
    </message>
    <message>
        <source>Close other programs, or make a smaller model.</source>
        <translation>请关闭其他程序，或建立更小的模型。</translation>
    </message>
    <message>
        <source>Give --input-shape, such as {shape}, or have the callable return (module, inputs).</source>
        <translation>请给出 --input-shape，例如 {shape}，或让可调用对象返回 (module, inputs)。</translation>
    </message>
    <message>
        <source>Give --input-shape, one for each of {names}, such as {shape!r}, or have the callable return (module, inputs).</source>
        <translation>请给出 --input-shape，为 {names} 各写一个形状，例如 {shape!r}，或让可调用对象返回 (module, inputs)。</translation>
    </message>
    <message>
        <source>Inputs of integers, since the model looks them up: {names}. A callable that returns (module, inputs) says otherwise.</source>
        <translation>按整数处理的输入（模型用它们查表）：{names}。若非如此，请让可调用对象返回 (module, inputs)。</translation>
    </message>
    <message>
        <source>Numbers in half or double precision are computed in float32 here.</source>
        <translation>半精度或双精度的数在此以 float32 计算。</translation>
    </message>
    <message>
        <source>is a pointer of Git LFS: the file itself was not fetched</source>
        <translation>是 Git LFS 指针：文件本身没有取回</translation>
    </message>
    <message>
        <source>Fetch it with git lfs pull.</source>
        <translation>请用 git lfs pull 取回。</translation>
    </message>
    <message>
        <source>is text, and no model</source>
        <translation>是文本，不是模型</translation>
    </message>
    <message>
        <source>Choose the file that torch.export.save or torch.onnx.export wrote.</source>
        <translation>请选择由 torch.export.save 或 torch.onnx.export 写出的文件。</translation>
    </message>
    <message>
        <source>Name the callable that returns the model, such as {found}.</source>
        <translation>请指明返回模型的可调用对象，例如 {found}。</translation>
    </message>
    <message>
        <source>The model is float32 here: see to the types of its example inputs, and of what its code makes.</source>
        <translation>模型在此为 float32：请检查示例输入的类型，以及其代码所生成数据的类型。</translation>
    </message>
    <message>
        <source>a forward pass with input {shapes} needs more memory than there is (at once: {wanted})</source>
        <translation>以输入 {shapes} 前向运行一次所需的内存超过现有内存（一次申请：{wanted}）</translation>
    </message>
    <message>
        <source>{line} fixes the batch size: `{code}`</source>
        <translation>{line} 固定了批大小：`{code}`</translation>
    </message>
    <message>
        <source>its second axis has one place; store y[:, 0].</source>
        <translation>它的第二个轴长度为 1；请存储 y[:, 0]。</translation>
    </message>
    <message>
        <source>these are numbers and no classes; --metric rmse compares them.</source>
        <translation>这些是数值而不是类别；--metric rmse 可以比较它们。</translation>
    </message>
    <message>
        <source>{metric} says nothing of outputs of shape {shape} with y of shape {y}</source>
        <translation>{metric} 不适用于形状为 {shape} 的输出与形状为 {y} 的 y</translation>
    </message>
    <message>
        <source>{nothing}: --metric names another, or a function of your own.</source>
        <translation>{nothing}：请用 --metric 指定其他指标，或您自己的函数。</translation>
    </message>
    <message>
        <source>it is one-hot; store the indices of the classes, y.argmax(1).</source>
        <translation>它是 one-hot 编码；请存储类别索引 y.argmax(1)。</translation>
    </message>
    <message>
        <source>these are indices of classes stored as real numbers; store y.astype(&apos;int64&apos;).</source>
        <translation>这些是以实数存储的类别索引；请存储 y.astype(&apos;int64&apos;)。</translation>
    </message>
    <message>
        <source>{nothing}: {mend}</source>
        <translation>{nothing}：{mend}</translation>
    </message>
    <message>
        <source>is not how a file for {to} is called</source>
        <translation>不是 {to} 文件的名称</translation>
    </message>
    <message>
        <source>is the name of a file, and an export to {to} is a folder</source>
        <translation>是文件名，而导出到 {to} 得到的是文件夹</translation>
    </message>
    <message>
        <source>Give a name that ends in {ending}, or that of a folder.</source>
        <translation>请给出以 {ending} 结尾的名称，或文件夹的名称。</translation>
    </message>
    <message>
        <source>Leave the ending out.</source>
        <translation>请去掉后缀。</translation>
    </message>
    <message>
        <source>minmax</source>
        <translation>最小最大</translation>
    </message>
    <message>
        <source>moving average</source>
        <translation>滑动平均</translation>
    </message>
    <message>
        <source>percentile</source>
        <translation>百分位</translation>
    </message>
    <message>
        <source>mse</source>
        <translation>均方误差</translation>
    </message>
    <message>
        <source>entropy</source>
        <translation>熵</translation>
    </message>
    <message>
        <source>fixed</source>
        <translation>固定</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>unknown {name} {value!r}</source>
        <translation>未知的 {name}：{value!r}</translation>
    </message>
    <message>
        <source>true or false</source>
        <translation>true 或 false</translation>
    </message>
    <message>
        <source>a whole number</source>
        <translation>一个整数</translation>
    </message>
    <message>
        <source>a number</source>
        <translation>一个数</translation>
    </message>
    <message>
        <source>Write &quot;float&quot;, or an object such as {example}.</source>
        <translation>请写 &quot;float&quot;，或一个对象，例如 {example}。</translation>
    </message>
    <message>
        <source>Write {kind}.</source>
        <translation>请写{kind}。</translation>
    </message>
    <message>
        <source>Write it as in {example}.</source>
        <translation>请按 {example} 的形式书写。</translation>
    </message>
    <message>
        <source>unknown target {name!r}</source>
        <translation>未知的目标 {name!r}</translation>
    </message>
    <message>
        <source>unknown instruction set {isa!r}</source>
        <translation>未知的指令集 {isa!r}</translation>
    </message>
    <message>
        <source>threads and batch must be at least 1</source>
        <translation>线程数和批至少为 1</translation>
    </message>
    <message>
        <source>Give a whole number from 1.</source>
        <translation>请给出从 1 开始的整数。</translation>
    </message>
    <message>
        <source>ended the program: {call}({code})</source>
        <translation>结束了程序：{call}({code})</translation>
    </message>
    <message>
        <source>cannot be imported ({said})</source>
        <translation>无法导入（{said}）</translation>
    </message>
    <message>
        <source>Install qinspect anew, with all that it needs, in this environment.</source>
        <translation>请在此环境中重新安装 qinspect 及其所需的全部软件包。</translation>
    </message>
    <message>
        <source>its values were all NaN or infinite during calibration</source>
        <translation>校准时它的值全部为 NaN 或无穷大</translation>
    </message>
    <message>
        <source>Find the first layer whose values are so: the float model is broken there, or the data is.</source>
        <translation>请找出最先出现这种值的层：浮点模型在那里有问题，或者数据有问题。</translation>
    </message>
    <message>
        <source>a value of the analysis is missing or makes no sense ({error})</source>
        <translation>分析结果中有一个值缺失或没有意义（{error}）</translation>
    </message>
    <message>
        <source>report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Analyze it anew.</source>
        <translation>请重新分析。</translation>
    </message>
    <message>
        <source>the file has times of whole models only, none of layers, and a search adds those up</source>
        <translation>该文件只有整个模型的耗时，没有各层的耗时，而搜索要把各层的耗时相加</translation>
    </message>
    <message>
        <source>measuring the largest effects</source>
        <translation>正在测量最大的影响</translation>
    </message>
    <message>
        <source>the quantized model&apos;s answers are not numbers</source>
        <translation>量化模型的输出不是数值</translation>
    </message>
    <message>
        <source>it is too uncertain, {estimated:.3g} ± {error:.2g} {unit} on {samples} ({measured:.3g} measured on them), a few of which make up most of it</source>
        <translation>不确定性太大：{samples}上 {estimated:.3g} ± {error:.2g} {unit}（在其上实测 {measured:.3g}），其中少数样本占了大部分</translation>
    </message>
    <message>
        <source>Did you mean {near}? Known are {known}.</source>
        <translation>是否想写 {near}？已知的有 {known}。</translation>
    </message>
    <message>
        <source>trying remedies</source>
        <translation>正在试行补救措施</translation>
    </message>
    <message>
        <source>rounding the weight in every way</source>
        <translation>正在以各种方式舍入权重</translation>
    </message>
    <message>
        <source>counting what is cut off</source>
        <translation>正在统计被截断的数值</translation>
    </message>
    <message>
        <source>Open the model and its data, and calibrate; then drop the file again.</source>
        <translation>请打开模型及其数据并校准，然后重新拖入该文件。</translation>
    </message>
    <message>
        <source>none of its overrides matches a layer of {model} (the first is of {first})</source>
        <translation>其中没有一个覆盖项与 {model} 的层匹配（第一个为 {first}）</translation>
    </message>
    <message>
        <source>Give the plan of this model.</source>
        <translation>请提供此模型的方案。</translation>
    </message>
    <message>
        <source>no model is calibrated that its times are of</source>
        <translation>尚无已校准的模型，无从对应其中的耗时</translation>
    </message>
    <message>
        <source>getting ready</source>
        <translation>正在准备</translation>
    </message>
    <message>
        <source>was saved by a newer qinspect (format {found}, {own} is read)</source>
        <translation>由更新版本的 qinspect 保存（格式 {found}，本版本可读 {own}）</translation>
    </message>
    <message>
        <source>Open it with that one, or update this one.</source>
        <translation>请用那个版本打开，或更新本程序。</translation>
    </message>
    <message>
        <source>{float} and {quantized}</source>
        <translation>{float} 与 {quantized}</translation>
    </message>
    <message>
        <source>float {float}, quantized {quantized}</source>
        <translation>浮点 {float}，量化 {quantized}</translation>
    </message>
    <message>
        <source>{count} samples of the final split, the quantized model run by {runtime}</source>
        <translation>最终部分的 {count} 个样本，量化模型由 {runtime} 运行</translation>
    </message>
    <message>
        <source>weights alone: a state_dict cannot be run</source>
        <translation>仅比较权重：state_dict 无法运行</translation>
    </message>
    <message>
        <source>reference</source>
        <translation>参照</translation>
    </message>
    <message>
        <source>metric</source>
        <translation>指标</translation>
    </message>
    <message>
        <source>no labels: compared by agreement</source>
        <translation>没有标签：按一致率比较</translation>
    </message>
    <message>
        <source>no labels: compared by SQNR</source>
        <translation>没有标签：按 SQNR 比较</translation>
    </message>
    <message>
        <source>agreement {share}</source>
        <translation>一致率 {share}</translation>
    </message>
    <message>
        <source>KL {kl} nats</source>
        <translation>KL {kl} nats</translation>
    </message>
    <message>
        <source>quantized</source>
        <translation>量化</translation>
    </message>
    <message>
        <source>outputs</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>equal</source>
        <translation>相等</translation>
    </message>
    <message>
        <source>SQNR; mean squared error over the float power {mse}</source>
        <translation>SQNR；均方误差与浮点功率之比为 {mse}</translation>
    </message>
    <message>
        <source>float → quantized</source>
        <translation>浮点 → 量化</translation>
    </message>
    <message>
        <source>{ratio} times as fast, one sample, one thread</source>
        <translation>速度为 {ratio} 倍，单个样本，单线程</translation>
    </message>
    <message>
        <source>not measured</source>
        <translation>未测量</translation>
    </message>
    <message>
        <source>Error along the depth</source>
        <translation>沿深度的误差</translation>
    </message>
    <message>
        <source>SQNR of each layer&apos;s value, everything before it quantized, dB (a gap where it is exact or cannot be read)</source>
        <translation>各层数值的 SQNR（其前全部量化），dB（完全相等或无法读取处留空）</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>层</translation>
    </message>
    <message>
        <source>{count} layers that are in both. Matched by identity (both carry the id), name (module path and operator), weights (their shape and correlation) or topology (between neighbours that match). A click on a heading sorts.</source>
        <translation>两者共有 {count} 层。匹配依据为标识（两者都带有 id）、名称（模块路径和算子）、权重（形状和相关性）或拓扑（位于已匹配的相邻层之间）。点击表头可排序。</translation>
    </message>
    <message>
        <source>in the quantized model</source>
        <translation>在量化模型中</translation>
    </message>
    <message>
        <source>operator</source>
        <translation>算子</translation>
    </message>
    <message>
        <source>matched by</source>
        <translation>匹配依据</translation>
    </message>
    <message>
        <source>weight / activation</source>
        <translation>权重 / 激活</translation>
    </message>
    <message>
        <source>SQNR, dB</source>
        <translation>SQNR，dB</translation>
    </message>
    <message>
        <source>cosine</source>
        <translation>余弦</translation>
    </message>
    <message>
        <source>MSE</source>
        <translation>MSE</translation>
    </message>
    <message>
        <source>weight, dB</source>
        <translation>权重，dB</translation>
    </message>
    <message>
        <source>weights at 0</source>
        <translation>为 0 的权重</translation>
    </message>
    <message>
        <source>stored weights: how often each whole number</source>
        <translation>存储的权重：各整数出现的次数</translation>
    </message>
    <message>
        <source>the same</source>
        <translation>相同</translation>
    </message>
    <message>
        <source>identity</source>
        <translation>标识</translation>
    </message>
    <message>
        <source>name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>topology</source>
        <translation>拓扑</translation>
    </message>
    <message>
        <source>in float by {operator}</source>
        <translation>由 {operator} 以浮点计算</translation>
    </message>
    <message>
        <source>exact</source>
        <translation>完全相等</translation>
    </message>
    <message>
        <source>In the float model alone:</source>
        <translation>仅在浮点模型中：</translation>
    </message>
    <message>
        <source>In the quantized model alone:</source>
        <translation>仅在量化模型中：</translation>
    </message>
    <message>
        <source>What it rests on</source>
        <translation>依据</translation>
    </message>
    <message>
        <source>Float</source>
        <translation>浮点</translation>
    </message>
    <message>
        <source>Quantized</source>
        <translation>量化</translation>
    </message>
    <message>
        <source>weights {file}</source>
        <translation>权重 {file}</translation>
    </message>
    <message>
        <source>digest {digest}</source>
        <translation>摘要 {digest}</translation>
    </message>
    <message>
        <source>{count} parameters</source>
        <translation>{count} 个参数</translation>
    </message>
    <message>
        <source>{count} samples, of which {final} to report on</source>
        <translation>{count} 个样本，其中 {final} 个用于报告</translation>
    </message>
    <message>
        <source>All figures were measured. Layers&apos; errors are against the float model&apos;s values on the same samples, everything before the layer quantized as well; a weight&apos;s are those of the stored numbers against the float weights. KL is KL(float‖quantized), mean per sample. Bars have a scale of their own for each layer; the number at their left end is the type&apos;s smallest.</source>
        <translation>所有数值均为实测。各层的误差是与浮点模型在相同样本上的数值相比，且该层之前的部分也已量化；权重的误差是所存数值与浮点权重相比。KL 为 KL(float‖quantized)，按样本取平均。各层的柱形有各自的比例；最左端是该类型的最小值。</translation>
    </message>
    <message>
        <source>the plan in the quantized model</source>
        <translation>量化模型中的方案</translation>
    </message>
    <message>
        <source>{model} on {target}</source>
        <translation>{model}，目标 {target}</translation>
    </message>
    <message>
        <source>1 thread</source>
        <translation>1 个线程</translation>
    </message>
    <message>
        <source>{count} threads</source>
        <translation>{count} 个线程</translation>
    </message>
    <message>
        <source>batch {size}</source>
        <translation>批大小 {size}</translation>
    </message>
    <message>
        <source>{count} samples of the final split</source>
        <translation>最终部分的 {count} 个样本</translation>
    </message>
    <message>
        <source>drop {drop}</source>
        <translation>下降 {drop}</translation>
    </message>
    <message>
        <source>cosine {cosine}</source>
        <translation>余弦 {cosine}</translation>
    </message>
    <message>
        <source>SQNR {db} dB</source>
        <translation>SQNR {db} dB</translation>
    </message>
    <message>
        <source>simulated</source>
        <translation>模拟</translation>
    </message>
    <message>
        <source>in the kernels</source>
        <translation>实际核中</translation>
    </message>
    <message>
        <source>{ratio} times as fast</source>
        <translation>速度为 {ratio} 倍</translation>
    </message>
    <message>
        <source>p90 {float} and {int8} ms</source>
        <translation>p90 为 {float} 和 {int8} 毫秒</translation>
    </message>
    <message>
        <source>layers alone add up to {float} and {int8} ms</source>
        <translation>各层相加为 {float} 和 {int8} 毫秒</translation>
    </message>
    <message>
        <source>layers alone add up to {int8} ms</source>
        <translation>各层相加为 {int8} 毫秒</translation>
    </message>
    <message>
        <source>measured on {device}</source>
        <translation>在 {device} 上测得</translation>
    </message>
    <message>
        <source>float → int8</source>
        <translation>浮点 → int8</translation>
    </message>
    <message>
        <source>Findings</source>
        <translation>发现</translation>
    </message>
    <message>
        <source>Estimated to win back {kl} nats of KL.</source>
        <translation>估计可挽回 {kl} nats 的 KL。</translation>
    </message>
    <message>
        <source>Nothing was found wrong.</source>
        <translation>没有发现问题。</translation>
    </message>
    <message>
        <source>The estimate does not hold: {reason}.</source>
        <translation>估计不成立：{reason}。</translation>
    </message>
    <message>
        <source>local SQNR, dB</source>
        <translation>局部 SQNR，dB</translation>
    </message>
    <message>
        <source>cumulative SQNR, dB</source>
        <translation>累积 SQNR，dB</translation>
    </message>
    <message>
        <source>share of the output error, estimated (bars, own scale)</source>
        <translation>占输出误差的份额，估计（柱形，单独比例）</translation>
    </message>
    <message>
        <source>{count} layers, and {absorbed} absorbed by them. A click on a heading sorts.</source>
        <translation>{count} 层，另有 {absorbed} 层被其吸收。点击表头可排序。</translation>
    </message>
    <message>
        <source>share of error</source>
        <translation>误差份额</translation>
    </message>
    <message>
        <source>local dB</source>
        <translation>局部 dB</translation>
    </message>
    <message>
        <source>cumulative dB</source>
        <translation>累积 dB</translation>
    </message>
    <message>
        <source>float µs</source>
        <translation>浮点 µs</translation>
    </message>
    <message>
        <source>int8 µs</source>
        <translation>int8 µs</translation>
    </message>
    <message>
        <source>won µs</source>
        <translation>节省 µs</translation>
    </message>
    <message>
        <source>kernel equal</source>
        <translation>与实际核相等</translation>
    </message>
    <message>
        <source>note</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>Worst samples</source>
        <translation>最差样本</translation>
    </message>
    <message>
        <source>Of {count} of the final split, simulated, by KL.</source>
        <translation>最终部分的 {count} 个样本之中，模拟，按 KL 排序。</translation>
    </message>
    <message>
        <source>Of {count} of the final split, simulated, by mean squared error.</source>
        <translation>最终部分的 {count} 个样本之中，模拟，按均方误差排序。</translation>
    </message>
    <message>
        <source>KL, nats</source>
        <translation>KL，nats</translation>
    </message>
    <message>
        <source>MSE / power</source>
        <translation>MSE / 功率</translation>
    </message>
    <message>
        <source>label</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>int8</source>
        <translation>int8</translation>
    </message>
    <message>
        <source>{sample}, layer by layer: falls most at {layer}, by {db} dB</source>
        <translation>{sample}，逐层：在 {layer} 处下降最多，为 {db} dB</translation>
    </message>
    <message>
        <source>{sample}, layer by layer</source>
        <translation>{sample}，逐层</translation>
    </message>
    <message>
        <source>cumulative SQNR of this sample, dB</source>
        <translation>该样本的累积 SQNR，dB</translation>
    </message>
    <message>
        <source>of all samples</source>
        <translation>所有样本的</translation>
    </message>
    <message>
        <source>Error of one sample along the depth</source>
        <translation>单个样本沿深度的误差</translation>
    </message>
    <message>
        <source>State fed back</source>
        <translation>反馈的状态</translation>
    </message>
    <message>
        <source>{states}, over {steps} steps in {streams} streams: the float and the simulated model, each on its own state.</source>
        <translation>{states}，{steps} 步，{streams} 路：浮点模型与模拟模型各自使用自己的状态。</translation>
    </message>
    <message>
        <source>SQNR of the outputs, dB</source>
        <translation>输出的 SQNR，dB</translation>
    </message>
    <message>
        <source>of the outputs on the float model&apos;s state</source>
        <translation>输出的（使用浮点模型的状态）</translation>
    </message>
    <message>
        <source>of the state</source>
        <translation>状态的</translation>
    </message>
    <message>
        <source>Calibration samples</source>
        <translation>校准样本</translation>
    </message>
    <message>
        <source>Enough</source>
        <translation>已足够</translation>
    </message>
    <message>
        <source>More samples are wanted</source>
        <translation>需要更多样本</translation>
    </message>
    <message>
        <source>with half of the {count} samples the median tensor has {share} of its range, and the ranges of {growing} of {tensors} tensors still grow. Ranges are from the smallest to the largest value, means over all choices of so many samples.</source>
        <translation>用 {count} 个样本的一半，中位张量已达到其范围的 {share}，而 {tensors} 个张量中有 {growing} 个的范围仍在增大。范围为最小值到最大值，对同样数量样本的所有选取方式取平均。</translation>
    </message>
    <message>
        <source>median tensor</source>
        <translation>中位张量</translation>
    </message>
    <message>
        <source>tenth percentile</source>
        <translation>第十百分位</translation>
    </message>
    <message>
        <source>Range against number of calibration samples</source>
        <translation>范围与校准样本数的关系</translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>power</source>
        <translation>功率</translation>
    </message>
    <message>
        <source>Fusions</source>
        <translation>融合</translation>
    </message>
    <message>
        <source>absorbed</source>
        <translation>被吸收的层</translation>
    </message>
    <message>
        <source>pattern</source>
        <translation>模式</translation>
    </message>
    <message>
        <source>state</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>max |Δ|</source>
        <translation>最大 |Δ|</translation>
    </message>
    <message>
        <source>reason</source>
        <translation>原因</translation>
    </message>
    <message>
        <source>fused</source>
        <translation>已融合</translation>
    </message>
    <message>
        <source>off</source>
        <translation>已关闭</translation>
    </message>
    <message>
        <source>blocked</source>
        <translation>受阻</translation>
    </message>
    <message>
        <source>{count} multiply-adds per sample</source>
        <translation>每个样本 {count} 次乘加</translation>
    </message>
    <message>
        <source>{count} samples ({calibrate} to calibrate, {select} to select, {final} to report on)</source>
        <translation>{count} 个样本（{calibrate} 个用于校准，{select} 个用于选择，{final} 个用于报告）</translation>
    </message>
    <message>
        <source>Shares of the error are estimates from random backward passes; all other figures were measured. KL is KL(float‖int8), mean per sample.</source>
        <translation>误差占比由随机反向传播估计；其他数值均为实测。KL 为 KL(浮点‖int8)，按样本平均。</translation>
    </message>
    <message>
        <source>unknown kind {kind!r}</source>
        <translation>未知的种类 {kind!r}</translation>
    </message>
    <message>
        <source>{kind} of {count} layers</source>
        <translation>对 {count} 个层做 {kind}</translation>
    </message>
    <message>
        <source>Equalize takes two, others one.</source>
        <translation>均衡需要两个层，其他的需要一个。</translation>
    </message>
    <message>
        <source>The plan is for {isa}; kernels and latency are those of this computer ({host_isa}).</source>
        <translation>方案针对 {isa}；核与延迟是本机（{host_isa}）的。</translation>
    </message>
    <message>
        <source>Take 7 bits for weights (reduce_range), or uint8 weights.</source>
        <translation>请对权重使用 7 位（reduce_range），或使用 uint8 权重。</translation>
    </message>
    <message>
        <source>Take 7 bits for activations (reduce_range).</source>
        <translation>请对激活使用 7 位（reduce_range）。</translation>
    </message>
    <message>
        <source>{isa} has no VNNI: {target} adds pairs of products in 16 bits, which 8-bit activations and weights overflow. {remedy}</source>
        <translation>{isa} 没有 VNNI：{target} 以 16 位累加成对的乘积，8 位的激活和权重会使其溢出。{remedy}</translation>
    </message>
    <message>
        <source>not a version 1 plan</source>
        <translation>不是版本 1 的方案</translation>
    </message>
    <message>
        <source>is not JSON ({error})</source>
        <translation>不是 JSON（{error}）</translation>
    </message>
    <message>
        <source>Give a plan.json that qinspect wrote.</source>
        <translation>请给出由 qinspect 写出的 plan.json。</translation>
    </message>
    <message>
        <source>not as the format says ({error})</source>
        <translation>与格式不符（{error}）</translation>
    </message>
    <message>
        <source>cannot be read</source>
        <translation>无法读取</translation>
    </message>
    <message>
        <source>match {match}</source>
        <translation>匹配 {match}</translation>
    </message>
    <message>
        <source>Give an id, and true or false for on.</source>
        <translation>请给出 id，on 为 true 或 false。</translation>
    </message>
    <message>
        <source>Give a list of layer ids.</source>
        <translation>请给出层 id 的列表。</translation>
    </message>
    <message>
        <source>{where}: {what}. {remedy}</source>
        <translation>{where}：{what}。{remedy}</translation>
    </message>
    <message>
        <source>Give trtexec&apos;s --exportProfile, an ONNX Runtime profile, or the bench kit&apos;s bench.json.</source>
        <translation>请给出 trtexec 的 --exportProfile、ONNX Runtime 的 profile，或测试套件的 bench.json。</translation>
    </message>
    <message>
        <source>none of its operators has a name of this model&apos;s layers</source>
        <translation>其中没有算子的名称属于该模型的层</translation>
    </message>
    <message>
        <source>Profile the file that qinspect exported, with --layer-info from trtexec where its names are its own.</source>
        <translation>请对 qinspect 导出的文件做性能分析；若 trtexec 使用自己的名称，请加 --layer-info。</translation>
    </message>
    <message>
        <source>another device</source>
        <translation>另一台设备</translation>
    </message>
    <message>
        <source>is no profile that is known ({error})</source>
        <translation>不是已知的 profile（{error}）</translation>
    </message>
    <message>
        <source>is no profile that is known</source>
        <translation>不是已知的 profile</translation>
    </message>
    <message>
        <source>{bits} bits in {dtype}</source>
        <translation>{dtype} 中的 {bits} 位</translation>
    </message>
    <message>
        <source>Use {least} to {width} bits.</source>
        <translation>请使用 {least} 到 {width} 位。</translation>
    </message>
    <message>
        <source>a fixed range needs two numbers, the smaller first</source>
        <translation>固定范围需要两个数，较小的在前</translation>
    </message>
    <message>
        <source>Give range: [low, high].</source>
        <translation>请给出 range: [low, high]。</translation>
    </message>
    <message>
        <source>percentile {percentile}</source>
        <translation>百分位数 {percentile}</translation>
    </message>
    <message>
        <source>Use a number above 50, up to 100.</source>
        <translation>请使用大于 50、不超过 100 的数。</translation>
    </message>
    <message>
        <source>momentum {momentum}</source>
        <translation>动量 {momentum}</translation>
    </message>
    <message>
        <source>Use a number above 0, up to 1.</source>
        <translation>请使用大于 0、不超过 1 的数。</translation>
    </message>
    <message>
        <source>group_size {group_size}</source>
        <translation>group_size {group_size}</translation>
    </message>
    <message>
        <source>Use a whole number from 2.</source>
        <translation>请使用从 2 开始的整数。</translation>
    </message>
    <message>
        <source>per_token ranges are known at run time only</source>
        <translation>逐 token 的范围在运行时才知道</translation>
    </message>
    <message>
        <source>Set dynamic: true.</source>
        <translation>请设置 dynamic: true。</translation>
    </message>
    <message>
        <source>expected an object or &quot;float&quot;, found {found}</source>
        <translation>应为对象或 &quot;float&quot;，实为 {found}</translation>
    </message>
    <message>
        <source>{key} is {value}</source>
        <translation>{key} 为 {value}</translation>
    </message>
    <message>
        <source>a value has the wrong type</source>
        <translation>有值的类型不对</translation>
    </message>
    <message>
        <source>Give two numbers.</source>
        <translation>请给出两个数。</translation>
    </message>
    <message>
        <source>nothing behind it reads integers</source>
        <translation>它之后没有读取整数的层</translation>
    </message>
    <message>
        <source>its input is float</source>
        <translation>它的输入是浮点</translation>
    </message>
    <message>
        <source>one of its inputs is a tensor of integers already</source>
        <translation>它的一个输入本来就是整数张量</translation>
    </message>
    <message>
        <source>Give file.pt2, file.onnx, file.py:callable, a folder that qinspect exported for fx or eager, or one with config.json and model.safetensors.</source>
        <translation>请给出 file.pt2、file.onnx、file.py:callable、qinspect 为 fx 或 eager 导出的文件夹，或含 config.json 和 model.safetensors 的文件夹。</translation>
    </message>
    <message>
        <source>A state_dict has no graph: its layers are listed in the order of the file, and nothing can be run. Operators are told by the shapes of their weights; activations are taken for unsigned 8-bit ones.</source>
        <translation>state_dict 没有计算图：各层按文件中的顺序列出，无法运行。算子由权重形状推断；激活按无符号 8 位处理。</translation>
    </message>
    <message>
        <source>no integer kernel takes {kinds} together</source>
        <translation>没有整数核能同时接受 {kinds}</translation>
    </message>
    <message>
        <source>was not seen in calibration</source>
        <translation>校准时没有见到</translation>
    </message>
    <message>
        <source>Calibrate again with this model and plan.</source>
        <translation>请用该模型和方案重新校准。</translation>
    </message>
    <message>
        <source>calibration</source>
        <translation>校准</translation>
    </message>
    <message>
        <source>a tensor held no finite value</source>
        <translation>有张量不含有限值</translation>
    </message>
    <message>
        <source>Look for NaN in the model or the data.</source>
        <translation>请在模型或数据中查找 NaN。</translation>
    </message>
    <message>
        <source>has no quantized weight to remedy</source>
        <translation>没有可修正的量化权重</translation>
    </message>
    <message>
        <source>weights of {op} cannot be rounded by data</source>
        <translation>{op} 的权重无法按数据舍入</translation>
    </message>
    <message>
        <source>correcting biases</source>
        <translation>正在修正偏置</translation>
    </message>
    <message>
        <source>rounding {key}</source>
        <translation>正在舍入 {key}</translation>
    </message>
    <message>
        <source>collecting inputs</source>
        <translation>正在收集输入</translation>
    </message>
    <message>
        <source>MSE {before:.3g} → {after:.3g} of the outputs&apos; power</source>
        <translation>MSE {before:.3g} → {after:.3g}（相对输出功率）</translation>
    </message>
    <message>
        <source>wins nothing back: {mse}, run on {count} samples</source>
        <translation>没有改善：{mse}（已在 {count} 个样本上运行）</translation>
    </message>
    <message>
        <source>KL {before:.3g} → {after:.3g} nats</source>
        <translation>KL {before:.3g} → {after:.3g} nat</translation>
    </message>
    <message>
        <source>no difference that {count} samples can tell: {kl}</source>
        <translation>{count} 个样本分辨不出差别：{kl}</translation>
    </message>
    <message>
        <source>{mse}, run on {count} samples</source>
        <translation>{mse}（已在 {count} 个样本上运行）</translation>
    </message>
    <message>
        <source>{kl}, run on {count} samples</source>
        <translation>{kl}（已在 {count} 个样本上运行）</translation>
    </message>
    <message>
        <source>makes it worse: {kl}, run on {count} samples</source>
        <translation>反而变差：{kl}（已在 {count} 个样本上运行）</translation>
    </message>
    <message>
        <source>the target ran it in float (no integer kernel was made of it)</source>
        <translation>目标以浮点运行它（没有为它生成整数核）</translation>
    </message>
    <message>
        <source>weight int4</source>
        <translation>权重 int4</translation>
    </message>
    <message>
        <source>activation int16</source>
        <translation>激活 int16</translation>
    </message>
    <message>
        <source>no layer is to be quantized: {why}</source>
        <translation>不应量化任何层：{why}</translation>
    </message>
    <message>
        <source>{amount:.4g} {unit}</source>
        <translation>{amount:.4g} {unit}</translation>
    </message>
    <message>
        <source>the float model loses nothing and is at least as fast as every plan that quantizes</source>
        <translation>浮点模型没有损失，并且至少与每个量化的方案一样快</translation>
    </message>
    <message>
        <source>the float model loses nothing and is at least as small as every plan that quantizes</source>
        <translation>浮点模型没有损失，并且至少与每个量化的方案一样小</translation>
    </message>
    <message>
        <source>no plan runs in {limit}; the fastest, which is the float model, takes {least}</source>
        <translation>没有方案能在 {limit} 内运行；最快的是浮点模型，需要 {least}</translation>
    </message>
    <message>
        <source>no plan runs in {limit}; the fastest takes {least}</source>
        <translation>没有方案能在 {limit} 内运行；最快的需要 {least}</translation>
    </message>
    <message>
        <source>{samples} samples cannot resolve a drop of {limit}: even the surest plan&apos;s is known to no better than {sharpest}; of the nearest it is {found}, up to {reach}</source>
        <translation>{samples} 个样本分辨不出 {limit} 的下降：即使最可靠的方案，其精度也只有 {sharpest}；最接近者的下降为 {found}，最大可达 {reach}</translation>
    </message>
    <message>
        <source>{amount:.4g} points</source>
        <translation>{amount:.4g} 个百分点</translation>
    </message>
    <message>
        <source>{amount:.4g} nats</source>
        <translation>{amount:.4g} nat</translation>
    </message>
    <message>
        <source>search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>gives {given}, the example inputs hold {held} of shapes {shapes}</source>
        <translation>给出 {given}，而示例输入有 {held}，形状为 {shapes}</translation>
    </message>
    <message>
        <source>the limit on the {name} needs {what}</source>
        <translation>对{name}的限制需要{what}</translation>
    </message>
    <message>
        <source>Use another limit.</source>
        <translation>请使用其他限制。</translation>
    </message>
    <message>
        <source>the knee of the front: from here on less loss costs more than it gains</source>
        <translation>前沿的拐点：从这里起，减少损失的代价超过收益</translation>
    </message>
    <message>
        <source>the most exact of those within {limit}</source>
        <translation>{limit} 以内最精确的方案</translation>
    </message>
    <message>
        <source>KL</source>
        <translation>KL</translation>
    </message>
    <message>
        <source>drop</source>
        <translation>下降</translation>
    </message>
    <message>
        <source>the cheapest of those whose {name} is at most {limit} with 95 % confidence</source>
        <translation>{name}在 95 % 置信度下不超过 {limit} 的方案中代价最小的</translation>
    </message>
    <message>
        <source>{samples} samples cannot resolve a {name} of {limit}: of the surest plan it is {found}, but up to {reach} with 95 % confidence</source>
        <translation>{samples} 个样本分辨不出 {limit} 的{name}：最可靠的方案为 {found}，但在 95 % 置信度下最大可达 {reach}</translation>
    </message>
    <message>
        <source>no plan whose {name} is at most {limit} is faster than the float model</source>
        <translation>没有哪个{name}不超过 {limit} 的方案比浮点模型更快</translation>
    </message>
    <message>
        <source>no plan whose {name} is at most {limit} is smaller than the float model</source>
        <translation>没有哪个{name}不超过 {limit} 的方案比浮点模型更小</translation>
    </message>
    <message>
        <source>only the float model keeps the {name} at {limit}; the nearest plan that quantizes has {found}, up to {reach} with 95 % confidence</source>
        <translation>只有浮点模型能把{name}保持在 {limit}；最接近的量化方案为 {found}，在 95 % 置信度下最大可达 {reach}</translation>
    </message>
    <message>
        <source>no plan keeps the {name} at {limit}; the nearest has {found}, up to {reach} with 95 % confidence</source>
        <translation>没有方案能把{name}保持在 {limit}；最接近的为 {found}，在 95 % 置信度下最大可达 {reach}</translation>
    </message>
    <message>
        <source>a distribution over classes</source>
        <translation>各类别上的分布</translation>
    </message>
    <message>
        <source>labels (or y and its --metric), or classes to agree on</source>
        <translation>标签（或 y 及其 --metric），或可供比较的类别</translation>
    </message>
    <message>
        <source>the float model runs within {limit}</source>
        <translation>浮点模型在 {limit} 内运行</translation>
    </message>
    <message>
        <source>{why}; it is not faster than float</source>
        <translation>{why}；它并不比浮点快</translation>
    </message>
    <message>
        <source>solving for the front</source>
        <translation>正在求解前沿</translation>
    </message>
    <message>
        <source>estimating the effect of every rounding</source>
        <translation>正在估计每处舍入的影响</translation>
    </message>
    <message>
        <source>{note}: plan {number} of {all} on {samples} samples</source>
        <translation>{note}：{all} 个方案中的第 {number} 个，{samples} 个样本</translation>
    </message>
    <message>
        <source>verifying on all of the select split</source>
        <translation>正在用全部选择部分验证</translation>
    </message>
    <message>
        <source>the plan runs no layer in integers</source>
        <translation>方案没有以整数运行任何层</translation>
    </message>
    <message>
        <source>Give a plan or a target that does.</source>
        <translation>请给出能以整数运行的方案或目标。</translation>
    </message>
    <message>
        <source>target {target}</source>
        <translation>目标 {target}</translation>
    </message>
    <message>
        <source>a limit in milliseconds needs the objective latency</source>
        <translation>以毫秒为限时，优化目标须为 latency</translation>
    </message>
    <message>
        <source>Leave --objective out.</source>
        <translation>请去掉 --objective。</translation>
    </message>
    <message>
        <source>the select split is empty</source>
        <translation>选择部分为空</translation>
    </message>
    <message>
        <source>Give more samples, or --split.</source>
        <translation>请提供更多样本，或设置 --split。</translation>
    </message>
    <message>
        <source>measuring layers and borders</source>
        <translation>正在测量各层和边界</translation>
    </message>
    <message>
        <source>approaching the limit</source>
        <translation>正在逼近限制</translation>
    </message>
    <message>
        <source>The final split is empty: the chosen plan was not tried on samples it was not chosen on.</source>
        <translation>最终部分为空：选中的方案没有在选择时未用过的样本上试过。</translation>
    </message>
    <message>
        <source>the chosen plan on the final split</source>
        <translation>正在最终部分上运行选中的方案</translation>
    </message>
    <message>
        <source>lowering plan {number} of {all} to {target}</source>
        <translation>正在把 {all} 个方案中的第 {number} 个转换为 {target}</translation>
    </message>
    <message>
        <source>timing plans beside each other</source>
        <translation>正在并列地对各方案计时</translation>
    </message>
    <message>
        <source>timing layers</source>
        <translation>正在对各层计时</translation>
    </message>
    <message>
        <source>add to one another</source>
        <translation>互相叠加</translation>
    </message>
    <message>
        <source>cancel out in part</source>
        <translation>部分抵消</translation>
    </message>
    <message>
        <source>nats of KL</source>
        <translation>nat 的 KL</translation>
    </message>
    <message>
        <source>estimates above {limit:g} {unit} are too large to be added up layer by layer</source>
        <translation>超过 {limit:g} {unit} 的估计过大，不能逐层相加</translation>
    </message>
    <message>
        <source>of the output&apos;s power</source>
        <translation>（占输出功率）</translation>
    </message>
    <message>
        <source>is not what --exact has written ({error})</source>
        <translation>不是 --exact 写出的内容（{error}）</translation>
    </message>
    <message>
        <source>Remove it.</source>
        <translation>请删除它。</translation>
    </message>
    <message>
        <source>measuring one layer at a time</source>
        <translation>正在逐层单独测量</translation>
    </message>
    <message>
        <source>estimating the effect of every layer</source>
        <translation>正在估计每层的影响</translation>
    </message>
    <message>
        <source>{text!r} is not a shape</source>
        <translation>{text!r} 不是形状</translation>
    </message>
    <message>
        <source>Give numbers such as 1,3,224,224.</source>
        <translation>请给出数字，例如 1,3,224,224。</translation>
    </message>
    <message>
        <source>model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Open the model anew.</source>
        <translation>请重新打开模型。</translation>
    </message>
    <message>
        <source>input {spec}</source>
        <translation>输入 {spec}</translation>
    </message>
    <message>
        <source>the statistics say nothing of its values ({dtype})</source>
        <translation>统计量没有它的值（{dtype}）</translation>
    </message>
    <message>
        <source>statistics</source>
        <translation>统计量</translation>
    </message>
    <message>
        <source>on {samples} {measured:.3g} {unit} measured, {estimated:.3g} estimated: the layers&apos; errors {how}</source>
        <translation>{samples}上实测 {measured:.3g} {unit}，估计 {estimated:.3g}：各层误差{how}</translation>
    </message>
    <message>
        <source>an input held no finite value</source>
        <translation>有输入不含有限值</translation>
    </message>
    <message>
        <source>Calibrate on other data.</source>
        <translation>请用其他数据校准。</translation>
    </message>
    <message>
        <source>{number} {noun}s</source>
        <translation>{number} 个{noun}</translation>
    </message>
    <message>
        <source>{number} {noun}</source>
        <translation>{number} 个{noun}</translation>
    </message>
    <message>
        <source>{so_far}, {text}</source>
        <translation>{so_far}、{text}</translation>
    </message>
    <message>
        <source>the picture cannot be written</source>
        <translation>图片无法写入</translation>
    </message>
    <message>
        <source>clipboard</source>
        <translation>剪贴板</translation>
    </message>
    <message>
        <source>it holds no qconfig</source>
        <translation>其中没有量化配置</translation>
    </message>
    <message>
        <source>Copy the qconfig of a layer first.</source>
        <translation>请先复制某一层的量化配置。</translation>
    </message>
    <message>
        <source>{file}, {part}</source>
        <translation>{file}，{part}</translation>
    </message>
    <message>
        <source>no model is open</source>
        <translation>没有打开模型</translation>
    </message>
    <message>
        <source>Open a model first.</source>
        <translation>请先打开模型。</translation>
    </message>
    <message>
        <source>demo</source>
        <translation>演示</translation>
    </message>
    <message>
        <source>Install the program anew.</source>
        <translation>请重新安装程序。</translation>
    </message>
    <message>
        <source>{text!r} is not three shares</source>
        <translation>{text!r} 不是三个份额</translation>
    </message>
    <message>
        <source>memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>there is too little ({said})</source>
        <translation>不足（{said}）</translation>
    </message>
    <message>
        <source>nothing is named</source>
        <translation>没有指明来源</translation>
    </message>
    <message>
        <source>Choose a folder of images or an array file.</source>
        <translation>请选择图像文件夹或数组文件。</translation>
    </message>
    <message>
        <source>input shape</source>
        <translation>输入形状</translation>
    </message>
    <message>
        <source>Choose a file or name a callable.</source>
        <translation>请选择文件，或指明可调用对象。</translation>
    </message>
    <message>
        <source>there is no module {head!r}</source>
        <translation>没有模块 {head!r}</translation>
    </message>
    <message>
        <source>Install the package, or give a path to the file.</source>
        <translation>请安装该包，或给出文件路径。</translation>
    </message>
    <message>
        <source>starting the engine</source>
        <translation>正在启动引擎</translation>
    </message>
    <message>
        <source>importing torch</source>
        <translation>正在导入 torch</translation>
    </message>
    <message>
        <source>looking at the data</source>
        <translation>正在查看数据</translation>
    </message>
    <message>
        <source>opening the metric</source>
        <translation>正在打开指标</translation>
    </message>
    <message>
        <source>remedies</source>
        <translation>补救</translation>
    </message>
    <message>
        <source>weights</source>
        <translation>正在统计权重</translation>
    </message>
    <message>
        <source>decoding samples</source>
        <translation>正在解码样本</translation>
    </message>
    <message>
        <source>Choose a session that this version of qinspect saved.</source>
        <translation>请选择由此版本的 qinspect 保存的会话。</translation>
    </message>
    <message>
        <source>it holds {strange!r}, which does not belong in a session</source>
        <translation>它含有不属于会话的 {strange!r}</translation>
    </message>
    <message>
        <source>it holds an entry twice or too many of them</source>
        <translation>它有重复的条目或条目过多</translation>
    </message>
    <message>
        <source>it is not a session</source>
        <translation>它不是会话</translation>
    </message>
    <message>
        <source>what it unpacks to is too large for a session</source>
        <translation>它解压后的内容对会话来说过大</translation>
    </message>
    <message>
        <source>it is not a session or is damaged</source>
        <translation>它不是会话，或已损坏</translation>
    </message>
    <message>
        <source>a value is not as it should be ({error}: {said})</source>
        <translation>有值不正确（{error}：{said}）</translation>
    </message>
    <message>
        <source>{size_mb:.0f} MB is too large for a session</source>
        <translation>{size_mb:.0f} MB 对会话来说过大</translation>
    </message>
    <message>
        <source>{name} in it is not JSON</source>
        <translation>其中的 {name} 不是 JSON</translation>
    </message>
    <message>
        <source>it is not a version 1 session</source>
        <translation>它不是版本 1 的会话</translation>
    </message>
    <message>
        <source>it does not hold the runs that it lists</source>
        <translation>它所含的运行与列出的不符</translation>
    </message>
</context>
</TS>
