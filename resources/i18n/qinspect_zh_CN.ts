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
        <source>Est. KL</source>
        <translation>估计 KL</translation>
    </message>
    <message>
        <source>SQNR</source>
        <translation>SQNR</translation>
    </message>
    <message>
        <source>Candidates</source>
        <translation>候选配置</translation>
    </message>
    <message>
        <source>Estimated from the statistics, not measured. Enter applies, Shift+Enter to all layers like it.</source>
        <translation>由统计量估计，并非实测。Enter 应用，Shift+Enter 应用到所有同类层。</translation>
    </message>
</context>
<context>
    <name>CandidatesPanel</name>
    <message>
        <source>There is no other qconfig for this layer.</source>
        <translation>该层没有其他量化配置。</translation>
    </message>
    <message>
        <source>After the analysis, other qconfigs for the layer are listed here by their estimated effect.</source>
        <translation>分析之后，这里按估计效果列出该层的其他量化配置。</translation>
    </message>
</context>
<context>
    <name>ChannelRanges</name>
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
        <source>Estimated share of the output error: E[(vᵀ J_i δ_i)²] of the layer, divided by the sum over all layers</source>
        <translation>该层占输出误差的估计份额：该层的 E[(vᵀ J_i δ_i)²] 除以所有层之和</translation>
    </message>
    <message>
        <source>Won</source>
        <translation>收益</translation>
    </message>
    <message>
        <source>Time that the integer kernel wins, fp32 − int8, in µs; negative where it loses</source>
        <translation>整数核节省的时间，fp32 − int8，单位 µs；为负表示更慢</translation>
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
        <source>Layer</source>
        <translation>层</translation>
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
        <source>Source and preparation</source>
        <translation>来源与预处理</translation>
    </message>
    <message>
        <source>folder of images, .npz, .npy, .safetensors</source>
        <translation>图像文件夹、.npz、.npy、.safetensors</translation>
    </message>
    <message>
        <source>Choose a folder of images; class sub-folders are labels</source>
        <translation>选择图像文件夹；类别子文件夹即标签</translation>
    </message>
    <message>
        <source>Choose an array file with x and, optionally, y</source>
        <translation>选择含 x（及可选的 y）的数组文件</translation>
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
        <source>(x − mean) / std per channel</source>
        <translation>逐通道 (x − 均值) / 标准差</translation>
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
        <source>calibrate / select / final: three parts that share no sample, so that what a search chose on is not what it is reported on</source>
        <translation>校准 / 选择 / 最终：三部分互不共享样本，搜索时用来选择的数据不会用来报告结果</translation>
    </message>
    <message>
        <source>all</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>&amp;Data</source>
        <translation>数据(&amp;D)</translation>
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
        <source>&amp;Samples</source>
        <translation>样本数(&amp;S)</translation>
    </message>
    <message>
        <source>S&amp;plit</source>
        <translation>划分(&amp;P)</translation>
    </message>
    <message>
        <source>Open data</source>
        <translation>打开数据</translation>
    </message>
    <message>
        <source>Float metric</source>
        <translation>浮点指标</translation>
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
        <source>Samples as the model will see them</source>
        <translation>模型实际看到的样本</translation>
    </message>
    <message>
        <source>Open data to see its first samples here, cropped and scaled as the model gets them.</source>
        <translation>打开数据后，这里显示最前面的样本，已按模型的输入裁剪和缩放。</translation>
    </message>
    <message>
        <source>A folder of images</source>
        <translation>图像文件夹</translation>
    </message>
    <message>
        <source>Arrays (*.npz *.npy *.safetensors *.pt);;All files (*)</source>
        <translation>数组 (*.npz *.npy *.safetensors *.pt);;所有文件 (*)</translation>
    </message>
    <message>
        <source>An array file</source>
        <translation>数组文件</translation>
    </message>
    <message>
        <source>Open a model first.</source>
        <translation>请先打开模型。</translation>
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
        <source>{0} samples {1}: {2} to calibrate, {3} to select, {4} to report on. {5}</source>
        <translation>{0} 个样本，{1}：{2} 个用于校准，{3} 个用于选择，{4} 个用于报告。{5}</translation>
    </message>
    <message>
        <source>Confirmed</source>
        <translation>已确认</translation>
    </message>
    <message>
        <source>The float model runs on the data.</source>
        <translation>正在用浮点模型处理数据。</translation>
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
        <source>{0} of the float model on {1} samples. Is that what it should reach?</source>
        <translation>浮点模型在 {1} 个样本上的 {0}。这是它应有的水平吗？</translation>
    </message>
    <message>
        <source>no picture</source>
        <translation>无图像</translation>
    </message>
    <message>
        <source> (label {0})</source>
        <translation>（标签 {0}）</translation>
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
        <source>KL share</source>
        <translation>KL 份额</translation>
    </message>
    <message>
        <source>Each layer&apos;s share of the estimated KL, %</source>
        <translation>各层占估计 KL 的份额，%</translation>
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
        <source>Error along the depth</source>
        <translation>误差随深度的变化</translation>
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
        <source>share of the estimated KL (%)</source>
        <translation>占估计 KL 的份额（%）</translation>
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
        <source>{:.1f} % of the estimated KL</source>
        <translation>占估计 KL 的 {:.1f} %</translation>
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
        <source>activation</source>
        <translation>激活</translation>
    </message>
    <message>
        <source>absorbed by {0}: edit that one</source>
        <translation>已并入 {0}：请编辑那一层</translation>
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
        <source>weight</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>From the run “{0}”, not for the current plan.</source>
        <translation>来自运行“{0}”，并非当前方案。</translation>
    </message>
</context>
<context>
    <name>Dialogs</name>
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
        <source>in the graph: zoom in, zoom out, show all</source>
        <translation>在图中：放大、缩小、显示全部</translation>
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
        <source>calibrated on {0} samples in {1} s</source>
        <translation>用 {0} 个样本校准，耗时 {1} 秒</translation>
    </message>
    <message>
        <source>{0} {1} for {2}</source>
        <translation>{0} {1}（{2}）</translation>
    </message>
    <message>
        <source>{0} float for {1}</source>
        <translation>{0} 保持浮点（{1}）</translation>
    </message>
    <message>
        <source>{0} for {1}</source>
        <translation>{0}（{1}）</translation>
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
    <message>
        <source>all</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>search: {0} plans; {1}</source>
        <translation>搜索：{0} 个方案；{1}</translation>
    </message>
</context>
<context>
    <name>Edits</name>
    <message>
        <source>{0} layers</source>
        <translation>{0} 层</translation>
    </message>
</context>
<context>
    <name>ExportPage</name>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>Files that reproduce exactly. Each is loaded in a new process and compared with the simulation.</source>
        <translation>可精确复现的文件。每个文件都在新进程中载入，并与模拟结果对比。</translation>
    </message>
    <message>
        <source>ONNX, QDQ</source>
        <translation>ONNX, QDQ</translation>
    </message>
    <message>
        <source>model.onnx with QuantizeLinear/DequantizeLinear, for ONNX Runtime.</source>
        <translation>含 QuantizeLinear/DequantizeLinear 的 model.onnx，用于 ONNX Runtime。</translation>
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
        <source>Folder</source>
        <translation>文件夹</translation>
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
        <source>What was exported, and whether it gives what the window showed, stands here.</source>
        <translation>这里显示导出了什么，以及结果是否与窗口所示一致。</translation>
    </message>
    <message>
        <source>The plan&apos;s target is {0}; choose another on the Target page.</source>
        <translation>方案的目标是 {0}；请在“目标”页选择其他目标。</translation>
    </message>
    <message>
        <source>Target {0}, the current plan.</source>
        <translation>目标 {0}，当前方案。</translation>
    </message>
    <message>
        <source>Calibrate first: without statistics there are no scales.</source>
        <translation>请先校准：没有统计量就没有缩放系数。</translation>
    </message>
    <message>
        <source>Verified in a new process</source>
        <translation>已在新进程中验证</translation>
    </message>
    <message>
        <source>Not verified</source>
        <translation>未通过验证</translation>
    </message>
    <message>
        <source>, the window showed {0}</source>
        <translation>，窗口显示 {0}</translation>
    </message>
    <message>
        <source>metric {0} on {1} samples</source>
        <translation>{1} 个样本上的指标 {0}</translation>
    </message>
    <message>
        <source>same top-1 answer as the simulation: {0}</source>
        <translation>与模拟相同的 top-1 答案：{0}</translation>
    </message>
    <message>
        <source>equal output values: {0}</source>
        <translation>相等的输出值：{0}</translation>
    </message>
    <message>
        <source>output against the simulation: {0}</source>
        <translation>输出与模拟相比：{0}</translation>
    </message>
    <message>
        <source>{0} of {1} layers integer</source>
        <translation>{1} 层中 {0} 层为整数</translation>
    </message>
    <message>
        <source>{0} QuantizeLinear, {1} DequantizeLinear</source>
        <translation>{0} 个 QuantizeLinear，{1} 个 DequantizeLinear</translation>
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
        <source>Fusions</source>
        <translation>融合</translation>
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
        <source>The doctor found nothing to mend.</source>
        <translation>诊断没有发现需要修复的问题。</translation>
    </message>
    <message>
        <source>Analyzing…</source>
        <translation>正在分析…</translation>
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
        <source>Quick figures of the current plan; run everything to measure kernels and time.</source>
        <translation>当前方案的快速结果；全部运行可测量实际核和时间。</translation>
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
        <source>edited</source>
        <translation>已编辑</translation>
    </message>
    <message>
        <source>this layer has a qconfig of its own</source>
        <translation>该层有自己的量化配置</translation>
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
    <message>
        <source>fused</source>
        <translation>已融合</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>blocked</source>
        <translation>受阻</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>{0}, to be computed</source>
        <translation>{0}，待计算</translation>
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
        <source>{} layers</source>
        <translation>{} 层</translation>
    </message>
    <message>
        <source>{} selected: {:.1f} % of the error, {:+.0f} µs</source>
        <translation>已选 {}：误差的 {:.1f} %，{:+.0f} µs</translation>
    </message>
    <message>
        <source>drag to select</source>
        <translation>拖动可选择</translation>
    </message>
    <message>
        <source>{}
{:.2g} % of the error, {:+.0f} µs</source>
        <translation>{}
误差的 {:.2g} %，{:+.0f} µs</translation>
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
        <source>Show the whole graph (F)</source>
        <translation>显示整个图 (F)</translation>
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
        <source>The layer graph appears here once a model is open.</source>
        <translation>打开模型后，这里显示层图。</translation>
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
        <source>share per bin (%)</source>
        <translation>每个区间的份额（%）</translation>
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
        <source>SQNR {:.1f} dB</source>
        <translation>SQNR {:.1f} dB</translation>
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
        <source>Stop; what was computed before stays (Esc)</source>
        <translation>停止；已计算的内容会保留 (Esc)</translation>
    </message>
    <message>
        <source>{0} left</source>
        <translation>剩余 {0}</translation>
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
        <source>{:.2f} % equal</source>
        <translation>{:.2f} % 相等</translation>
    </message>
    <message>
        <source>{:.2f} % within one step</source>
        <translation>{:.2f} % 相差不超过一级</translation>
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
        <source>{} of {} layers · sum {:.2f} ms fp32, {:.2f} ms int8</source>
        <translation>{1} 层中的 {0} 层 · 合计 fp32 {2:.2f} ms，int8 {3:.2f} ms</translation>
    </message>
    <message>
        <source> · {} slower in int8</source>
        <translation> · {} 层在 int8 下更慢</translation>
    </message>
    <message>
        <source> · whiskers: quartiles</source>
        <translation> · 须线：四分位数</translation>
    </message>
</context>
<context>
    <name>LayerMenu</name>
    <message>
        <source>pasted qconfig</source>
        <translation>粘贴的量化配置</translation>
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
</context>
<context>
    <name>Layers</name>
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
        <source>Time × loss</source>
        <translation>时间 × 损失</translation>
    </message>
    <message>
        <source>Copy table</source>
        <translation>复制表格</translation>
    </message>
    <message>
        <source>Latency (of another plan)</source>
        <translation>延迟（其他方案的）</translation>
    </message>
    <message>
        <source>No figures yet: choose data, confirm the float metric, then Calibrate and analyze.</source>
        <translation>尚无结果：选择数据，确认浮点指标，然后校准并分析。</translation>
    </message>
    <message>
        <source>The plan changed: figures in italics belong to “{0}”.</source>
        <translation>方案已改变：斜体数字属于“{0}”。</translation>
    </message>
    <message>
        <source>Quick figures on few samples; times and kernels in italics are from an older run. Ctrl+Enter runs all.</source>
        <translation>少量样本的快速结果；斜体的时间和核结果来自较早的运行。Ctrl+Enter 全部运行。</translation>
    </message>
    <message>
        <source>Open a model to see its layers here.</source>
        <translation>打开模型后，这里显示各层。</translation>
    </message>
    <message>
        <source> Estimated KL: {0} → {1} nats.</source>
        <translation> 估计 KL：{0} → {1} nat。</translation>
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
    <message>
        <source>not measured yet</source>
        <translation>尚未测量</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
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
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>The window speaks it when qinspect is started again.</source>
        <translation>重新启动 qinspect 后生效。</translation>
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
        <source>Help on this step</source>
        <translation>本步骤的帮助</translation>
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
        <source>What was found</source>
        <translation>发现的内容</translation>
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
        <source>Open a model</source>
        <translation>打开模型</translation>
    </message>
    <message>
        <source>model.pt2, model.py:build or package.module:build</source>
        <translation>model.pt2、model.py:build 或 package.module:build</translation>
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
        <source>Three steps</source>
        <translation>三个步骤</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Open a model. Its layers, BatchNorms and fusions are listed at once.</source>
        <translation>打开模型。立即列出它的层、BatchNorm 和融合。</translation>
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
        <source>Calibrate</source>
        <translation>校准</translation>
    </message>
    <message>
        <source>Choose where it will run and press Calibrate and analyze. The verdict says what int8 does to accuracy and speed, which layers are to blame, and how to win it back.</source>
        <translation>选择运行的目标，然后按“校准并分析”。结论会说明 int8 对精度和速度的影响、问题出在哪些层，以及如何挽回。</translation>
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
        <source>Go on with {0}</source>
        <translation>继续 {0}</translation>
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
        <source>Multiply-adds</source>
        <translation>乘加次数</translation>
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
        <source>any size</source>
        <translation>任意大小</translation>
    </message>
    <message>
        <source>fixed: samples go through one by one</source>
        <translation>固定：样本逐个通过</translation>
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
</context>
<context>
    <name>Opening</name>
    <message>
        <source>plan {0}</source>
        <translation>方案 {0}</translation>
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
</context>
<context>
    <name>Pareto</name>
    <message>
        <source>plan {0}: {1} layers in float</source>
        <translation>方案 {0}：{1} 层保持浮点</translation>
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
        <source>points lost</source>
        <translation>损失的百分点</translation>
    </message>
    <message>
        <source>Metric, or agreement without labels, lost against the float model</source>
        <translation>与浮点模型相比损失的指标；无标签时为一致率</translation>
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
        <source>time of a forward pass (ms)</source>
        <translation>一次前向的时间（ms）</translation>
    </message>
    <message>
        <source>KL(fp32‖int8) (nats)</source>
        <translation>KL(fp32‖int8)（nat）</translation>
    </message>
    <message>
        <source>lost against float (points)</source>
        <translation>比浮点损失（百分点）</translation>
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
        <source>{} without time or this figure</source>
        <translation>{} 个没有时间或该项数值</translation>
    </message>
    <message>
        <source>nats</source>
        <translation>nat</translation>
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
        <source>Type</source>
        <translation>类型</translation>
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
        <source>symmetric: zero point in the middle; narrow leaves out the smallest number; affine: x ≈ scale · (q − zero point)</source>
        <translation>symmetric：零点在中间；narrow 去掉最小的数；affine：x ≈ scale · (q − zero point)</translation>
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
    <name>RangeFields</name>
    <message>
        <source>Fix range</source>
        <translation>固定范围</translation>
    </message>
    <message>
        <source>Take this range whatever the estimator says; then the lines can be dragged</source>
        <translation>不管估计方法，采用此范围；之后可拖动界线</translation>
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
        <source>int8</source>
        <translation>int8</translation>
    </message>
    <message>
        <source>Outline the values after rounding to the grid</source>
        <translation>画出舍入到网格后的数值轮廓</translation>
    </message>
    <message>
        <source>unseen</source>
        <translation>未见数据</translation>
    </message>
    <message>
        <source>Outline the values on the select split, which was not calibrated on</source>
        <translation>画出选择部分的数值轮廓，该部分未用于校准</translation>
    </message>
    <message>
        <source>after rounding</source>
        <translation>舍入之后</translation>
    </message>
    <message>
        <source>select split</source>
        <translation>选择部分</translation>
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
        <source>int8 ms</source>
        <translation>int8 ms</translation>
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
        <source>best compromise</source>
        <translation>最佳折中</translation>
    </message>
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
        <source>Lost (points)</source>
        <translation>损失（百分点）</translation>
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
        <source>On the select split, with its 95 % confidence interval</source>
        <translation>在选择部分上，附 95 % 置信区间</translation>
    </message>
    <message>
        <source>Plans that the search found</source>
        <translation>搜索找到的方案</translation>
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
        <source>{0} plans simulated in {1} s. Chosen: {2}</source>
        <translation>{1} 秒内模拟了 {0} 个方案。选中：{2}</translation>
    </message>
    <message>
        <source>The limit is not met: {0}. The nearest is marked.</source>
        <translation>未达到上限：{0}。已标出最接近的方案。</translation>
    </message>
    <message>
        <source>plan {0}</source>
        <translation>方案 {0}</translation>
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
        <source>files that reproduce exactly, verified in a new process</source>
        <translation>可精确复现的文件，已在新进程中验证</translation>
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
        <source>An .onnx file with QuantizeLinear/DequantizeLinear; fastest on most CPUs, no torch needed.</source>
        <translation>含 QuantizeLinear/DequantizeLinear 的 .onnx 文件；在多数 CPU 上最快，不需要 torch。</translation>
    </message>
    <message>
        <source>PyTorch FX, engine x86</source>
        <translation>PyTorch FX，引擎 x86</translation>
    </message>
    <message>
        <source>fbgemm and onednn mixed; 8-bit activations may saturate in wide depthwise convolutions.</source>
        <translation>混用 fbgemm 和 onednn；8 位激活在宽的深度卷积中可能饱和。</translation>
    </message>
    <message>
        <source>PyTorch FX, engine fbgemm</source>
        <translation>PyTorch FX，引擎 fbgemm</translation>
    </message>
    <message>
        <source>Server CPUs before VNNI; saturates with 8-bit activations, hence 7 bits in its preset.</source>
        <translation>VNNI 之前的服务器 CPU；8 位激活会饱和，因此其预设为 7 位。</translation>
    </message>
    <message>
        <source>PyTorch FX, engine onednn</source>
        <translation>PyTorch FX，引擎 onednn</translation>
    </message>
    <message>
        <source>Exact 8-bit sums; fast with AVX512-VNNI or AMX.</source>
        <translation>精确的 8 位求和；在 AVX512-VNNI 或 AMX 上很快。</translation>
    </message>
    <message>
        <source>PyTorch FX, engine qnnpack</source>
        <translation>PyTorch FX，引擎 qnnpack</translation>
    </message>
    <message>
        <source>Arm and mobile; per-tensor weights, one step off at a few values in a thousand.</source>
        <translation>Arm 和移动设备；逐张量权重，每千个数值中有少数相差一级。</translation>
    </message>
    <message>
        <source>TensorRT</source>
        <translation>TensorRT</translation>
    </message>
    <message>
        <source>An .onnx file with Q/DQ placed by TensorRT&apos;s rules; simulated here, runs on an NVIDIA GPU.</source>
        <translation>按 TensorRT 规则放置 Q/DQ 的 .onnx 文件；此处为模拟，在 NVIDIA GPU 上运行。</translation>
    </message>
    <message>
        <source>PyTorch eager mode, engine x86</source>
        <translation>PyTorch eager 模式，引擎 x86</translation>
    </message>
    <message>
        <source>The kernels of FX, with stubs and fused modules as torch.ao&apos;s eager mode has them.</source>
        <translation>与 FX 相同的核，按 torch.ao eager 模式使用 stub 和融合模块。</translation>
    </message>
    <message>
        <source>PyTorch eager mode, engine fbgemm</source>
        <translation>PyTorch eager 模式，引擎 fbgemm</translation>
    </message>
    <message>
        <source>As FX with engine fbgemm.</source>
        <translation>与 FX 引擎 fbgemm 相同。</translation>
    </message>
    <message>
        <source>PyTorch eager mode, engine onednn</source>
        <translation>PyTorch eager 模式，引擎 onednn</translation>
    </message>
    <message>
        <source>As FX with engine onednn.</source>
        <translation>与 FX 引擎 onednn 相同。</translation>
    </message>
    <message>
        <source>PyTorch eager mode, engine qnnpack</source>
        <translation>PyTorch eager 模式，引擎 qnnpack</translation>
    </message>
    <message>
        <source>As FX with engine qnnpack.</source>
        <translation>与 FX 引擎 qnnpack 相同。</translation>
    </message>
    <message>
        <source>PyTorch PT2E, compiled by inductor</source>
        <translation>PyTorch PT2E，由 inductor 编译</translation>
    </message>
    <message>
        <source>A .pt2 file with quantizers; oneDNN&apos;s exact sums on x86. To run it takes a C++ compiler.</source>
        <translation>带量化器的 .pt2 文件；在 x86 上用 oneDNN 的精确求和。运行需要 C++ 编译器。</translation>
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
        <source>Then</source>
        <translation>然后</translation>
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
        <source>Analyzing… How far it is stands at the bottom of the window.</source>
        <translation>正在分析… 进度显示在窗口底部。</translation>
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
</context>
<context>
    <name>Tasks</name>
    <message>
        <source>failed: {0}: {1}</source>
        <translation>失败：{0}：{1}</translation>
    </message>
    <message>
        <source>cancelled: {0}</source>
        <translation>已取消：{0}</translation>
    </message>
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
        <source>Calibrating</source>
        <translation>正在校准</translation>
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
        <source>Candidates</source>
        <translation>候选配置</translation>
    </message>
    <message>
        <source>The candidates for this layer could not be computed.</source>
        <translation>无法计算该层的候选配置。</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重</translation>
    </message>
    <message>
        <source>Searching</source>
        <translation>正在搜索</translation>
    </message>
    <message>
        <source>Select split</source>
        <translation>选择部分</translation>
    </message>
    <message>
        <source>Sample {0}</source>
        <translation>样本 {0}</translation>
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
        <source>Writing the report</source>
        <translation>正在写报告</translation>
    </message>
    <message>
        <source>wrote {0}</source>
        <translation>已写入 {0}</translation>
    </message>
    <message>
        <source>Saving {0}</source>
        <translation>正在保存 {0}</translation>
    </message>
    <message>
        <source>saved {0}</source>
        <translation>已保存 {0}</translation>
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
    <message>
        <source>calibrated in</source>
        <translation>校准耗时</translation>
    </message>
    <message>
        <source>analyzed in</source>
        <translation>分析耗时</translation>
    </message>
</context>
<context>
    <name>VerdictPage</name>
    <message>
        <source>Verdict</source>
        <translation>结论</translation>
    </message>
    <message>
        <source>float</source>
        <translation>浮点</translation>
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
        <source>time of a forward pass</source>
        <translation>一次前向的时间</translation>
    </message>
    <message>
        <source>Median of interleaved runs in a process of its own, same runtime for float and int8</source>
        <translation>在独立进程中交错运行的中位数，浮点与 int8 使用同一运行时</translation>
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
        <source>What quantization does to accuracy and speed.</source>
        <translation>量化对精度和速度的影响。</translation>
    </message>
    <message>
        <source>Analyzing… How far it is stands at the bottom of the window.</source>
        <translation>正在分析… 进度显示在窗口底部。</translation>
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
        <source>The doctor found nothing to mend.</source>
        <translation>诊断没有发现需要修复的问题。</translation>
    </message>
    <message>
        <source>target {0}</source>
        <translation>目标 {0}</translation>
    </message>
    <message>
        <source>threads {0}</source>
        <translation>线程 {0}</translation>
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
        <source>no labels: agreement with it counts</source>
        <translation>无标签：以一致率为准</translation>
    </message>
    <message>
        <source>reference</source>
        <translation>参照</translation>
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
        <source>agrees with float {0}</source>
        <translation>与浮点一致 {0}</translation>
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
        <source>{:.2f} % at the ends</source>
        <translation>两端占 {:.2f} %</translation>
    </message>
    <message>
        <source>{:.1f} % at 0</source>
        <translation>0 占 {:.1f} %</translation>
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
        <source>Choose a sample to see its error layer by layer in Depth.</source>
        <translation>选择一个样本，在“深度”中查看它逐层的误差。</translation>
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
        <source>no picture</source>
        <translation>无图像</translation>
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
        <source>running it in a process of its own crashed ({signal})</source>
        <translation>在独立进程中运行时崩溃（{signal}）</translation>
    </message>
    <message>
        <source>running it in a process of its own stopped ({last})</source>
        <translation>在独立进程中运行时中止（{last}）</translation>
    </message>
    <message>
        <source>Choose another engine, or leave it out.</source>
        <translation>请选择其他引擎，或跳过此项。</translation>
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
        <source>top-1 {metric:.1%} with {classes} classes, before anything is quantized</source>
        <translation>量化之前，{classes} 类的 top-1 只有 {metric:.1%}</translation>
    </message>
    <message>
        <source>Check the preprocessing: channel order, scale, crop and normalization.</source>
        <translation>请检查预处理：通道顺序、缩放、裁剪和归一化。</translation>
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
        <source>{count} tensors held NaN or infinite values during calibration</source>
        <translation>{count} 个张量在校准时出现 NaN 或无穷大</translation>
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
        <source>worst at {worst}: {share:.1%} of the values equal, up to {steps} steps apart</source>
        <translation>最严重的是 {worst}：{share:.1%} 的值相同，最多相差 {steps} 级</translation>
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
        <source>{target}, {threads} thread(s), batch {batch}, medians</source>
        <translation>{target}，{threads} 线程，批 {batch}，中位数</translation>
    </message>
    <message>
        <source>Choose another target, or keep the layers below in float.</source>
        <translation>请选择其他目标，或让下面列出的层保持浮点。</translation>
    </message>
    <message>
        <source>{lost:.0f} µs lost, most at {layers}</source>
        <translation>共损失 {lost:.0f} µs，最多的是 {layers}</translation>
    </message>
    <message>
        <source>Keep them in float, where that does not add borders that cost more.</source>
        <translation>让它们保持浮点，只要新增的边界代价不更大。</translation>
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
        <source>{layers}: the error of their activations is small beside that of their weights</source>
        <translation>{layers}：与权重的误差相比，激活的误差很小</translation>
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
        <source>Calibrate on data that reaches this part of the model, or fix its range by hand.</source>
        <translation>请用能到达模型这一部分的数据校准，或手动固定其范围。</translation>
    </message>
    <message>
        <source>{channels} of {layers} never change</source>
        <translation>{layers}中的 {channels}从不变化</translation>
    </message>
    <message>
        <source>{share:.1%} of all channels held one value for all calibration samples: {layers}</source>
        <translation>在全部校准样本上，{share:.1%} 的通道只有一个值：{layers}</translation>
    </message>
    <message>
        <source>They can be cut out of the model. Their weights do not matter, but per-tensor scales see them.</source>
        <translation>可以把它们从模型中剪除。它们的权重无关紧要，但会影响逐张量的缩放系数。</translation>
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
        <source>{count} of {all} quantized layers cause {share:.0%} of the error (estimated)</source>
        <translation>{all} 个量化层中有 {count} 个造成 {share:.0%} 的误差（估计）</translation>
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
        <source>{layers} between {borders} inputs in integers: {names}</source>
        <translation>{layers}夹在 {borders} 个整数输入之间：{names}</translation>
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
        <source>Each costs a dequantizer and a quantizer; the target has no integer kernel for them.</source>
        <translation>每个都要付出一次反量化和一次量化；目标没有适合它们的整数核。</translation>
    </message>
    <message>
        <source>island</source>
        <translation>浮点孤岛</translation>
    </message>
    <message>
        <source>{where}: {what}. {remedy}</source>
        <translation>{where}：{what}。{remedy}</translation>
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
</context>
</TS>
