-- What Pandoc's writers do not do by themselves: alternative texts and stamped blocks in Typst, and no links into
-- the catalogue from documents that are sent around without it.

local function raw(text)
  return pandoc.RawBlock("typst", text)
end

local function quoted(text)
  return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"') .. '"'
end

function Link(link)
  if link.classes:includes("catalogue") and not FORMAT:match("html") then
    return link.content
  end
end

function Image(image)
  if FORMAT == "typst" then
    local alternative = image.attributes.alt or pandoc.utils.stringify(image.caption)
    return pandoc.RawInline("typst",
      "#image(" .. quoted(image.src) .. ", alt: " .. quoted(alternative) .. ", width: 100%)")
  end
end

function Span(span)
  if FORMAT == "typst" and span.classes:includes("stamp") then
    return pandoc.Strong(span.content)
  end
end

function Div(div)
  if FORMAT ~= "typst" then
    return nil
  end
  for _, name in ipairs({ "modelled", "synthetic", "origins", "sources" }) do
    if div.classes:includes(name) then
      div.content:insert(1, raw("#" .. name .. "["))
      div.content:insert(raw("]"))
      return div.content
    end
  end
end
